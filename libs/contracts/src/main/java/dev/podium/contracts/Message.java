package dev.podium.contracts;

/**
 * One turn of a conversation.
 *
 * @param role {@code system}, {@code user} or {@code assistant}
 */
public record Message(String role, String content) {
    public Message {
        Require.text(role, "role");
        Require.present(content, "content");
    }

    public static Message user(String content) {
        return new Message("user", content);
    }

    public static Message assistant(String content) {
        return new Message("assistant", content);
    }
}
