package dev.podium.contracts;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.podium.contracts.RankingEvent.RankingSubmitted;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads rankings of the one form in which {@link EventJson} writes most of them: no white space, no escapes, ASCII, known
 * fields. It takes a fifth of the time that mapping takes, which is most of what a ranking costs whoever reads a long log.
 * For every other form, right or wrong, it has no answer, and {@link EventJson} reads or refuses it.
 */
final class RankingJson {
    private static final int NAMES = 4096;
    private static final int LONGEST_NAME = 40;
    // Names that come again and again are one object each. A race makes one more, which does no harm.
    private static final @Nullable String[] KNOWN_NAMES = new @Nullable String[NAMES];

    private final byte[] json;
    private int at;

    private RankingJson(byte[] json) {
        this.json = json;
    }

    /** The ranking, or null where the bytes have another form. */
    static @Nullable RankingEvent read(byte[] json) {
        try {
            return new RankingJson(json).ranking();
        } catch (OtherForm | IllegalArgumentException e) {
            return null;
        }
    }

    private static final class OtherForm extends Exception {
        private static final long serialVersionUID = 1L;
        private static final OtherForm IT = new OtherForm();

        private OtherForm() {
            super(null, null, false, false);
        }
    }

    @SuppressWarnings("NullAway") // what is missing, the event itself refuses
    private RankingEvent ranking() throws OtherForm {
        String type = null;
        String eventId = null;
        String projectId = null;
        String taskId = null;
        String labelerId = null;
        long revision = -1;
        List<List<String>> groups = null;
        List<String> unacceptable = null;
        List<String> shownOrder = null;
        long durationMillis = -1;
        Instant time = null;
        expect('{');
        do {
            switch (quoted(true)) {
                case "type" -> type = once(type, name());
                case "at" -> time = once(time, instant());
                case "eventId" -> eventId = once(eventId, text());
                case "projectId" -> projectId = once(projectId, name());
                case "taskId" -> taskId = once(taskId, text());
                case "labelerId" -> labelerId = once(labelerId, name());
                case "revision" -> {
                    require(revision < 0);
                    revision = number();
                }
                case "durationMillis" -> {
                    require(durationMillis < 0);
                    durationMillis = number();
                }
                case "groups" -> groups = once(groups, groups());
                case "unacceptable" -> unacceptable = once(unacceptable, names());
                case "shownOrder" -> shownOrder = once(shownOrder, names());
                default -> throw OtherForm.IT;
            }
        } while (more('}'));
        require(at == json.length
                && "RankingSubmitted".equals(type)
                && revision >= 1
                && revision <= Integer.MAX_VALUE
                && durationMillis >= 0
                && groups != null);
        return new RankingSubmitted(
                eventId,
                projectId,
                taskId,
                labelerId,
                (int) revision,
                groups,
                unacceptable,
                shownOrder,
                durationMillis,
                Optional.empty(),
                time);
    }

    private static <T> T once(@Nullable T before, T now) throws OtherForm {
        require(before == null);
        return now;
    }

    private static void require(boolean condition) throws OtherForm {
        if (!condition) {
            throw OtherForm.IT;
        }
    }

    private List<List<String>> groups() throws OtherForm {
        expectValue('[');
        List<List<String>> groups = new ArrayList<>(4);
        if (at < json.length && json[at] == ']') {
            at++;
            return groups;
        }
        do {
            groups.add(list());
        } while (more(']'));
        return groups;
    }

    private List<String> names() throws OtherForm {
        expect(':');
        return list();
    }

    private List<String> list() throws OtherForm {
        expect('[');
        if (at < json.length && json[at] == ']') {
            at++;
            return List.of();
        }
        String first = quoted(true);
        if (!more(']')) {
            return List.of(first);
        }
        List<String> names = new ArrayList<>(4);
        names.add(first);
        do {
            names.add(quoted(true));
        } while (more(']'));
        return names;
    }

    private String name() throws OtherForm {
        expect(':');
        return quoted(true);
    }

    private String text() throws OtherForm {
        expect(':');
        return quoted(false);
    }

    private Instant instant() throws OtherForm {
        Instant instant = InstantJson.canonical(text());
        if (instant == null) {
            throw OtherForm.IT;
        }
        return instant;
    }

    private long number() throws OtherForm {
        expect(':');
        int from = at;
        long number = 0;
        while (at < json.length && json[at] >= '0' && json[at] <= '9') {
            number = number * 10 + (json[at] - '0');
            at++;
        }
        int digits = at - from;
        require(digits >= 1 && digits <= 18 && (digits == 1 || json[from] != '0'));
        return number;
    }

    private String quoted(boolean comesAgain) throws OtherForm {
        expect('"');
        int from = at;
        int hash = 0;
        while (at < json.length && json[at] != '"') {
            byte b = json[at];
            require(b >= ' ' && b != '\\');
            hash = hash * 31 + b;
            at++;
        }
        require(at < json.length);
        int length = at - from;
        at++;
        if (!comesAgain || length > LONGEST_NAME) {
            return new String(json, from, length, ISO_8859_1);
        }
        int slot = (hash ^ (hash >>> 15)) & (NAMES - 1);
        String known = KNOWN_NAMES[slot];
        if (known != null && isAt(known, from, length)) {
            return known;
        }
        String name = new String(json, from, length, ISO_8859_1);
        KNOWN_NAMES[slot] = name;
        return name;
    }

    private boolean isAt(String name, int from, int length) {
        if (name.length() != length) {
            return false;
        }
        for (int i = 0; i < length; i++) {
            if (name.charAt(i) != json[from + i]) {
                return false;
            }
        }
        return true;
    }

    private void expectValue(char c) throws OtherForm {
        expect(':');
        expect(c);
    }

    private void expect(char c) throws OtherForm {
        require(at < json.length && json[at] == c);
        at++;
    }

    /** Whether another element follows, or the end. */
    private boolean more(char end) throws OtherForm {
        require(at < json.length && (json[at] == ',' || json[at] == end));
        return json[at++] == ',';
    }
}
