package dev.podium.local.bench.methods;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;

/**
 * Where tasks, reward models and the base model's scores are kept for other runs. All that they are made from is in the
 * folder's name: of another configuration, or of another data file, none is used by mistake.
 */
public final class MethodFolder {
    private static final int NAME_LENGTH = 12;

    private MethodFolder() {}

    /**
     * The folder for what is kept, in another one.
     *
     * @param data ranked conversations; empty: the rubric ranks the model's own answers
     * @throws IOException when the data file cannot be read
     */
    public static Path in(Path folder, String model, Optional<Path> data) throws IOException {
        MethodScale s = MethodScale.of(model);
        MessageDigest hash = sha256();
        // What is trained with other methods makes nothing that is kept.
        for (Object part : new Object[] {
            MethodScale.REVISION,
            model,
            s.trainTasks(),
            s.heldOutTasks(),
            s.heldOutShare(),
            s.maxLengthTokens(),
            s.maxTaskTokens(),
            s.maxNewTokens(),
            s.judgedPrompts(),
            s.config(Method.REWARD_OF_PPO, 0),
            data.isPresent()
        }) {
            hash.update((part + "\n").getBytes(StandardCharsets.UTF_8));
        }
        if (data.isPresent()) {
            try (InputStream in = Files.newInputStream(data.get())) {
                byte[] buffer = new byte[1 << 16];
                for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                    hash.update(buffer, 0, count);
                }
            }
        }
        return folder.resolve(HexFormat.of().formatHex(hash.digest()).substring(0, NAME_LENGTH));
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
