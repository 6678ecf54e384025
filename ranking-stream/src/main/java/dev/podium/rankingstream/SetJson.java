package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.podium.contracts.EventJson;
import dev.podium.contracts.PreferenceSet;
import dev.podium.contracts.PreferenceSet.Pair;
import dev.podium.contracts.PreferenceSet.RankingUsed;
import dev.podium.contracts.PreferenceSet.Tie;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes preference sets, byte for byte as {@link EventJson} does, but with the prompt and the outputs as they are
 * stored. For one thread.
 */
final class SetJson {
    private static final int KNOWN_NUMBERS = 1 << 8;

    private static final int USUAL_BYTES = 4096;

    private byte[] bytes = new byte[USUAL_BYTES];
    private int size;
    // Votes and weights come again and again.
    private final long[] numbers = new long[KNOWN_NUMBERS];
    private final byte[][] texts = new byte[KNOWN_NUMBERS][];

    /**
     * @param set as it was made of {@link KnownTask#bare()}
     * @param updatedAt of the set, as text
     */
    byte[] write(KnownTask task, PreferenceSet set, String updatedAt) {
        size = 0;
        put('{');
        if (set.baseModel().isPresent()) {
            name("baseModel").text(set.baseModel().get()).put(',');
        }
        name("cycle").raw(set.cycle() ? "true" : "false").put(',');
        name("decided").raw(set.decided() ? "true" : "false").put(',');
        if (set.group().isPresent()) {
            name("group").text(set.group().get()).put(',');
        }
        name("outputs").raw(task.outputsJson()).put(',');
        name("pairs");
        pairs(set.pairs());
        put(',').name("projectId").text(set.projectId()).put(',');
        name("prompt").raw(task.promptJson()).put(',');
        name("rankings");
        rankings(set.rankings());
        put(',');
        if (task.selectionJson().length > 0) {
            name("selection").raw(task.selectionJson()).put(',');
        }
        name("taskId").text(set.taskId()).put(',');
        name("ties");
        ties(set.ties());
        put(',').name("unacceptable");
        unacceptable(set.unacceptable());
        put(',').name("updatedAt").text(updatedAt).put('}');
        byte[] json = Arrays.copyOf(bytes, size);
        if (bytes.length > RowWriter.LARGEST_KEPT_BYTES) {
            bytes = new byte[USUAL_BYTES];
        }
        return json;
    }

    private void pairs(List<Pair> pairs) {
        put('[');
        for (Iterator<Pair> all = pairs.iterator(); all.hasNext(); ) {
            Pair pair = all.next();
            put('{').name("chosen").text(pair.chosen()).put(',');
            name("margin").number(pair.margin()).put(',');
            name("probability").number(pair.probability()).put(',');
            name("rejected").text(pair.rejected()).put(',');
            name("votesAgainst").number(pair.votesAgainst()).put(',');
            name("votesFor").number(pair.votesFor()).put(',');
            name("weight").number(pair.weight()).put('}');
            commaBefore(all);
        }
        put(']');
    }

    private void ties(List<Tie> ties) {
        put('[');
        for (Iterator<Tie> all = ties.iterator(); all.hasNext(); ) {
            Tie tie = all.next();
            put('{').name("first").text(tie.first()).put(',');
            name("second").text(tie.second()).put(',');
            name("votesFirst").number(tie.votesFirst()).put(',');
            name("votesSecond").number(tie.votesSecond()).put('}');
            commaBefore(all);
        }
        put(']');
    }

    private void rankings(List<RankingUsed> rankings) {
        put('[');
        for (Iterator<RankingUsed> all = rankings.iterator(); all.hasNext(); ) {
            RankingUsed used = all.next();
            put('{').name("eventId").text(used.eventId()).put(',');
            name("groups").put('[');
            for (Iterator<List<String>> groups = used.groups().iterator(); groups.hasNext(); ) {
                put('[');
                for (Iterator<String> ids = groups.next().iterator(); ids.hasNext(); ) {
                    text(ids.next()).commaBefore(ids);
                }
                put(']').commaBefore(groups);
            }
            put(']').put(',');
            name("labelerId").text(used.labelerId()).put(',');
            name("offset").number(used.offset()).put(',');
            name("partition").number((long) used.partition()).put(',');
            name("reliability").number(used.reliability()).put(',');
            name("revision").number((long) used.revision()).put(',');
            name("topic").text(used.topic()).put('}');
            commaBefore(all);
        }
        put(']');
    }

    private void unacceptable(Map<String, Integer> unacceptable) {
        put('{');
        if (!unacceptable.isEmpty()) {
            for (Iterator<Map.Entry<String, Integer>> all =
                            new TreeMap<>(unacceptable).entrySet().iterator();
                    all.hasNext(); ) {
                Map.Entry<String, Integer> each = all.next();
                text(each.getKey()).put(':').number((long) each.getValue()).commaBefore(all);
            }
        }
        put('}');
    }

    // ---- pieces

    private void commaBefore(Iterator<?> more) {
        if (more.hasNext()) {
            put(',');
        }
    }

    @SuppressWarnings("deprecation") // the low bytes of ASCII are its bytes
    private SetJson name(String name) {
        int length = name.length();
        room(length + 3);
        bytes[size] = '"';
        name.getBytes(0, length, bytes, size + 1);
        bytes[size + length + 1] = '"';
        bytes[size + length + 2] = ':';
        size += length + 3;
        return this;
    }

    @SuppressWarnings("deprecation")
    private SetJson text(String text) {
        int length = text.length();
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            if (c < ' ' || c > '~' || c == '"' || c == '\\') {
                return raw(EventJson.write(text));
            }
        }
        room(length + 2);
        bytes[size] = '"';
        text.getBytes(0, length, bytes, size + 1);
        bytes[size + length + 1] = '"';
        size += length + 2;
        return this;
    }

    private SetJson number(double number) {
        long bits = Double.doubleToRawLongBits(number);
        int slot = (int) ((bits * 0x9E3779B97F4A7C15L) >>> 64 - 8);
        byte[] text = texts[slot];
        if (text == null || numbers[slot] != bits) {
            text = EventJson.write(number);
            texts[slot] = text;
            numbers[slot] = bits;
        }
        return raw(text);
    }

    private SetJson number(long number) {
        if (number < 0) {
            return raw(Long.toString(number));
        }
        int digits = 1;
        for (long rest = number; rest >= 10; rest /= 10) {
            digits++;
        }
        room(digits);
        long rest = number;
        for (int i = digits - 1; i >= 0; i--) {
            bytes[size + i] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
        size += digits;
        return this;
    }

    private SetJson raw(String text) {
        return raw(text.getBytes(ISO_8859_1));
    }

    private SetJson raw(byte[] piece) {
        room(piece.length);
        System.arraycopy(piece, 0, bytes, size, piece.length);
        size += piece.length;
        return this;
    }

    private SetJson put(char c) {
        room(1);
        bytes[size++] = (byte) c;
        return this;
    }

    private void room(int more) {
        if (size + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, size + more));
        }
    }
}
