package dev.podium.training.data;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.podium.contracts.Message;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/**
 * The split into training and held-out data: by a hash of the prompt, so that it is the same in every round and of every
 * kind, and that no prompt is in both, whatever tasks were made of it. See docs/adr/0013.
 */
public final class Split {
    private Split() {}

    /**
     * Whether what belongs to a prompt is kept from training.
     *
     * @param share wanted share of held-out prompts, in [0, 1)
     */
    public static boolean isHeldOut(List<Message> prompt, double share) {
        StringBuilder text = new StringBuilder();
        for (Message message : prompt) {
            text.append(message.role()).append('\0').append(message.content()).append('\0');
        }
        return position(text.toString()) < share;
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
