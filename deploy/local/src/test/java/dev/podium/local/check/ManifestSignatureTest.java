package dev.podium.local.check;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.podium.contracts.adapter.SigningKey;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PublicKey;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What trainers and feedback-api sign passes the checker, which verifies by the description alone; anything else does not. */
class ManifestSignatureTest {
    @TempDir
    Path folder;

    @Test
    void onlyWhatATrustedKeyHasSignedPasses() throws Exception {
        SigningKey key = SigningKey.generate();
        SigningKey stranger = SigningKey.generate();
        Path file = Files.writeString(folder.resolve("trusted-keys"), "# ours\n" + key.trustLine() + "\n");
        Map<String, PublicKey> trusted = ManifestSignature.trusted(file);
        byte[] value = "{\"version\":\"v1\"}".getBytes(UTF_8);
        String signature = key.sign("p/v1".getBytes(UTF_8), value);

        assertEquals(
                Optional.empty(),
                ManifestSignature.fault(ManifestSignature.MANIFEST, record("p/v1", value, signature), trusted));
        assertEquals(
                Optional.of("is not what was signed"),
                ManifestSignature.fault(ManifestSignature.MANIFEST, record("p/v2", value, signature), trusted));
        assertEquals(
                Optional.of("is not what was signed"),
                ManifestSignature.fault(
                        ManifestSignature.MANIFEST,
                        record("p/v1", "{\"version\":\"v2\"}".getBytes(UTF_8), signature),
                        trusted));
        assertEquals(
                Optional.of("is signed by a key that nobody trusts"),
                ManifestSignature.fault(
                        ManifestSignature.MANIFEST,
                        record("p/v1", value, stranger.sign("p/v1".getBytes(UTF_8), value)),
                        trusted));
        assertEquals(
                Optional.empty(),
                ManifestSignature.fault(
                        ManifestSignature.POINTER,
                        record("p/v1", value, key.sign(SigningKey.Purpose.POINTER, "p/v1".getBytes(UTF_8), value)),
                        trusted));
        assertEquals(
                Optional.of("is not what was signed"),
                ManifestSignature.fault(ManifestSignature.POINTER, record("p/v1", value, signature), trusted));
        assertEquals(
                Optional.of("is not signed"),
                ManifestSignature.fault(ManifestSignature.MANIFEST, record("p/v1", value, ""), trusted));
    }

    private static ConsumerRecord<String, byte[]> record(String key, byte[] value, String signature) {
        ConsumerRecord<String, byte[]> record = new ConsumerRecord<>("rlhf.adapters.v1", 0, 0, key, value);
        if (!signature.isEmpty()) {
            record.headers().add("podium_signature", signature.getBytes(UTF_8));
        }
        return record;
    }
}
