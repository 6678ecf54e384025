package dev.podium.training.round;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.GroupSubscription;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class KeepingAssignorTest {
    private static final String TOPIC = "commands";
    private static final int PARTITIONS = 4;
    private static final Node NODE = new Node(1, "localhost", 9092);
    private static final Cluster CLUSTER = new Cluster(
            "c",
            List.of(NODE),
            IntStream.range(0, PARTITIONS)
                    .mapToObj(i -> new PartitionInfo(TOPIC, i, NODE, new Node[] {NODE}, new Node[] {NODE}))
                    .toList(),
            Set.of(),
            Set.of());

    private final Map<String, List<TopicPartition>> owned = new HashMap<>(Map.of("one", partitions(0, 1, 2, 3)));
    private final Map<String, Set<Integer>> atWork = new HashMap<>();

    @Test
    void aTrainerThatJoinsGetsNoPartitionOfARoundAtWork() {
        for (int busy = 0; busy < PARTITIONS; busy++) {
            owned.clear();
            owned.put("one", partitions(0, 1, 2, 3));
            owned.put("two", List.of());
            atWork.put("one", Set.of(busy));
            untilSettled(new KeepingAssignor());

            assertTrue(owned.get("one").contains(new TopicPartition(TOPIC, busy)), busy + ": " + owned);
            // One where the parent would have given it the one at work and another.
            assertTrue(!owned.get("two").isEmpty(), busy + ": " + owned);
        }
    }

    @Test
    void evenAllPartitionsStayWhereTheyAreAtWorkAndMoveWhenTheyAreNot() {
        owned.put("two", List.of());
        atWork.put("one", Set.of(0, 1, 2, 3));
        untilSettled(new KeepingAssignor());
        assertEquals(PARTITIONS, owned.get("one").size());
        atWork.clear();
        untilSettled(new KeepingAssignor());
        assertEquals(2, owned.get("one").size());
        assertEquals(2, owned.get("two").size());
    }

    @Test
    void whatAMemberThatIsGoneWorkedOnGoesToTheOthers() {
        owned.put("one", partitions(0, 1));
        owned.put("two", partitions(2, 3));
        atWork.put("one", Set.of(0));
        atWork.put("two", Set.of(3));
        owned.remove("one");
        untilSettled(new KeepingAssignor());
        assertEquals(PARTITIONS, owned.get("two").size());
    }

    @Test
    void anOlderMemberLeadsTheGroupAllTheSame() {
        owned.put("two", List.of());
        atWork.put("one", Set.of(0));
        untilSettled(new CooperativeStickyAssignor());
        assertEquals(2, owned.get("two").size());
    }

    @Test
    void aMemberWhoseDataClaimsMorePartitionsThanItHoldsHasSaidNothing() {
        for (int claimed : new int[] {3, 0x3fff_ffff, 0x4000_0000, Integer.MAX_VALUE, -1, Integer.MIN_VALUE}) {
            ByteBuffer own = data("two");
            int mark = own.getInt(own.limit() - Integer.BYTES);
            Map<String, Subscription> group = Map.of(
                    "one",
                    subscription(data("one"), partitions(0, 1, 2, 3)),
                    "two",
                    subscription(
                            ByteBuffer.allocate(8).putInt(claimed).putInt(mark).flip(), List.of()));

            Map<String, Assignment> assigned = new KeepingAssignor()
                    .assign(CLUSTER, new GroupSubscription(group))
                    .groupAssignment();

            assertEquals(2, assigned.get("one").partitions().size(), "claimed " + claimed);
        }
    }

    private static Subscription subscription(ByteBuffer data, List<TopicPartition> owned) {
        return new Subscription(List.of(TOPIC), data, owned, 7, Optional.empty());
    }

    /** Rebalances as members of the cooperative protocol do: what is revoked is given away in the next round. */
    private void untilSettled(ConsumerPartitionAssignor leader) {
        for (int round = 0; round < 5; round++) {
            Map<String, Subscription> group = new HashMap<>();
            owned.forEach((member, partitions) -> group.put(member, subscription(data(member), partitions)));
            Map<String, Assignment> assigned =
                    leader.assign(CLUSTER, new GroupSubscription(group)).groupAssignment();
            assigned.forEach((member, assignment) -> owned.put(member, assignment.partitions()));
            assertEquals(all().size(), new HashSet<>(all()).size(), "nothing has two owners: " + owned);
        }
        assertEquals(PARTITIONS, all().size(), "all are read: " + owned);
    }

    private ByteBuffer data(String member) {
        KeepingAssignor assignor = new KeepingAssignor();
        Supplier<Set<Integer>> supplier = () -> atWork.getOrDefault(member, Set.of());
        assignor.configure(Map.of(KeepingAssignor.AT_WORK, supplier));
        return assignor.subscriptionUserData(Set.of(TOPIC));
    }

    private List<TopicPartition> all() {
        List<TopicPartition> all = new ArrayList<>();
        owned.values().forEach(all::addAll);
        return all;
    }

    private static List<TopicPartition> partitions(int... numbers) {
        return IntStream.of(numbers)
                .mapToObj(number -> new TopicPartition(TOPIC, number))
                .toList();
    }
}
