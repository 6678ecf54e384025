package dev.podium.rankingstream;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.streams.TopologyDescription;
import org.apache.kafka.streams.TopologyDescription.Node;
import org.apache.kafka.streams.TopologyDescription.Processor;
import org.apache.kafka.streams.TopologyDescription.Sink;
import org.apache.kafka.streams.TopologyDescription.Source;
import org.apache.kafka.streams.TopologyDescription.Subtopology;
import org.apache.kafka.streams.state.Stores;
import org.junit.jupiter.api.Test;

/**
 * The picture in docs/topology.md is drawn from the topology itself. When this fails because the topology has changed,
 * run it with {@code -Dpodium.write-docs=true}: it draws the picture anew.
 */
class TopologyPictureTest {
    private static final Path DOCUMENT = Path.of("../docs/topology.md");
    private static final String BEGIN = "```mermaid\n";
    private static final String END = "```\n";

    @Test
    void thePictureInTheDocumentationIsThatOfTheTopology() throws Exception {
        TopologyDescription topology = RankingTopology.build(
                        Repartitions.of("podium-ranking-stream"),
                        Duration.ofMinutes(10),
                        Stores::inMemoryKeyValueStore,
                        new StreamMetrics(new SimpleMeterRegistry()),
                        RankingTopology.STEADY_MILLIS)
                .describe();
        String document = Files.readString(DOCUMENT);
        int from = document.indexOf(BEGIN) + BEGIN.length();
        int to = document.indexOf(END, from);

        String picture = picture(topology);

        if (Boolean.getBoolean("podium.write-docs")) {
            Files.writeString(DOCUMENT, document.substring(0, from) + picture + document.substring(to));
        }
        String drawn = Files.readString(DOCUMENT);
        assertEquals(picture, drawn.substring(from, drawn.indexOf(END, from)));
    }

    private static String picture(TopologyDescription topology) {
        Set<String> topics = new TreeSet<>();
        List<String> lines = new ArrayList<>(List.of("flowchart LR"));
        Map<Integer, Subtopology> parts = new TreeMap<>(
                topology.subtopologies().stream().collect(Collectors.toMap(Subtopology::id, part -> part)));
        parts.values().forEach(part -> {
            lines.add("  subgraph part" + part.id() + " [sub-topology " + part.id() + "]");
            List<Node> nodes = part.nodes().stream()
                    .sorted(Comparator.comparing(Node::name))
                    .toList();
            for (Node node : nodes) {
                if (node instanceof Processor processor) {
                    lines.add("    " + id(node.name()) + "[" + node.name() + "]");
                    for (String store : new TreeSet<>(processor.stores())) {
                        lines.add("    " + id(node.name()) + " --- store_" + id(store) + "[(" + store + ")]");
                    }
                }
            }
            lines.add("  end");
            for (Node node : nodes) {
                if (node instanceof Source source) {
                    for (String topic : new TreeSet<>(source.topicSet())) {
                        topics.add(topic);
                        successors(source).forEach(next -> lines.add("  " + id(topic) + " --> " + id(next)));
                    }
                }
                if (node instanceof Sink sink) {
                    topics.add(sink.topic());
                    sink.predecessors().stream()
                            .map(Node::name)
                            .sorted()
                            .forEach(before -> lines.add("  " + id(before) + " --> " + id(sink.topic())));
                }
            }
        });
        topics.forEach(topic -> lines.add("  " + id(topic) + "([" + topic + "])"));
        return String.join("\n", lines) + "\n";
    }

    private static List<String> successors(Source source) {
        return source.successors().stream().map(Node::name).sorted().toList();
    }

    private static String id(String name) {
        return name.replaceAll("[^A-Za-z0-9]", "_");
    }
}
