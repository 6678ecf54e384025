package dev.podium.training.data;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.Message;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/**
 * The split into training and held-out tasks: by hash of the task id, so that it is the same in every round, and never by
 * pair, so that no output is in both.
 */
public final class Split {
    private Split() {}

    /**
     * Whether a task is kept from training.
     *
     * @param share wanted share of held-out tasks, in [0, 1)
     */
    public static boolean isHeldOut(String taskId, double share) {
        return position(taskId) < share;
    }

    /** The same for a prompt that belongs to no task, by its text. */
    public static boolean isHeldOut(List<Message> prompt, double share) {
        StringBuilder text = new StringBuilder();
        for (Message message : prompt) {
            text.append(message.role()).append('\0').append(message.content()).append('\0');
        }
        return isHeldOut(text.toString(), share);
    }

    /** The first four bytes of the sha256 as a number in [0, 1). */
    private static double position(String id) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(id.getBytes(UTF_8));
            return (ByteBuffer.wrap(hash).getInt() & 0xffffffffL) / 4294967296.0;
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
