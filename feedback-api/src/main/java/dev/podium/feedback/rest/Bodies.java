package dev.podium.feedback.rest;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import dev.podium.contracts.EventJson;
import dev.podium.contracts.Topics;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Bodies at the edge: read with a limit, valid UTF-8 without NUL, JSON without duplicate keys or unknown fields. */
public final class Bodies {
    /** Limit of a ranking and of every other small body. */
    public static final int SMALL_BYTES = 64 * 1024;

    /** Limit of a round's command, which may carry prompts and records. */
    public static final int ROUND_BYTES = Topics.MAX_COMMAND_BYTES;

    private static final ObjectMapper STRICT = strict();

    private Bodies() {}

    private static ObjectMapper strict() {
        ObjectMapper mapper = EventJson.mapper().copy();
        mapper.enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
        mapper.enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
        mapper.disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT);
        mapper.configure(JsonParser.Feature.STRICT_DUPLICATE_DETECTION, true);
        mapper.getFactory().configure(StreamReadFeature.STRICT_DUPLICATE_DETECTION.mappedFeature(), true);
        return mapper;
    }

    /** The strict mapper: what is not known is refused. */
    public static ObjectMapper mapper() {
        return STRICT;
    }

    /** Reads a body of at most {@code limitBytes}. */
    public static byte[] read(InputStream body, int limitBytes) {
        try {
            byte[] bytes = body.readNBytes(limitBytes + 1);
            if (bytes.length > limitBytes) {
                throw new Refusal(413, "too_large", "The body is larger than " + limitBytes + " bytes.");
            }
            return bytes;
        } catch (IOException e) {
            throw new Refusal(400, "body_unreadable", "The body could not be read: " + e.getMessage());
        }
    }

    /** A text field that may be left out. */
    public static String orEmpty(@Nullable String text) {
        return text == null ? "" : text;
    }

    /** Reads and binds a small JSON body. */
    public static <T> T json(InputStream body, Class<T> type) {
        return parse(read(body, SMALL_BYTES), type);
    }

    /** Binds JSON. */
    public static <T> T parse(byte[] bytes, Class<T> type) {
        try {
            T value = STRICT.readValue(text(bytes), type);
            if (value == null) {
                throw new Refusal(400, "invalid_json", "The body is empty; it must be a JSON object.");
            }
            return value;
        } catch (UnrecognizedPropertyException e) {
            throw new Refusal(
                    400,
                    "unknown_field",
                    "There is no field '" + e.getPropertyName() + "' here; known are " + e.getKnownPropertyIds() + ".");
        } catch (JsonProcessingException e) {
            throw invalid(e);
        }
    }

    /** Parses JSON as a tree. */
    public static JsonNode tree(byte[] bytes) {
        try {
            JsonNode node = STRICT.readTree(text(bytes));
            if (node == null || node.isMissingNode()) {
                throw new Refusal(400, "invalid_json", "The body is empty; it must be a JSON object.");
            }
            return node;
        } catch (JsonProcessingException e) {
            throw invalid(e);
        }
    }

    private static Refusal invalid(JsonProcessingException e) {
        String message = e.getOriginalMessage() == null ? "not valid JSON" : e.getOriginalMessage();
        if (e.getCause() instanceof IllegalArgumentException cause && cause.getMessage() != null) {
            return Refusal.unprocessable("invalid_value", cause.getMessage() + ".");
        }
        return new Refusal(400, "invalid_json", "The JSON cannot be read: " + message);
    }

    /** Decodes UTF-8 strictly; refuses NUL and lone surrogates, which PostgreSQL cannot store. */
    public static String text(byte[] bytes) {
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            if (text.indexOf('\0') >= 0) {
                throw badText();
            }
            refuseEscapes(text);
            return text;
        } catch (CharacterCodingException e) {
            throw new Refusal(400, "invalid_utf8", "The body is not valid UTF-8.");
        }
    }

    /** Looks for NUL and lone surrogates written as JSON escapes. */
    private static void refuseEscapes(String json) {
        for (int at = json.indexOf("\\u"); at >= 0 && at + 6 <= json.length(); at = json.indexOf("\\u", at + 2)) {
            int backslashes = 0;
            for (int i = at; i >= 0 && json.charAt(i) == '\\'; i--) {
                backslashes++;
            }
            if (backslashes % 2 == 0) {
                continue;
            }
            int unit = unit(json, at);
            if (unit == 0) {
                throw badText();
            }
            if (unit >= 0xD800 && unit <= 0xDBFF) {
                boolean paired =
                        json.startsWith("\\u", at + 6) && at + 12 <= json.length() && isLow(unit(json, at + 6));
                if (!paired) {
                    throw badText();
                }
                at += 6;
            } else if (isLow(unit)) {
                throw badText();
            }
        }
    }

    private static boolean isLow(int unit) {
        return unit >= 0xDC00 && unit <= 0xDFFF;
    }

    private static int unit(String json, int at) {
        try {
            return Integer.parseInt(json.substring(at + 2, at + 6), 16);
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    private static Refusal badText() {
        return new Refusal(400, "invalid_text", "Text must not hold NUL characters or lone surrogates.");
    }
}
