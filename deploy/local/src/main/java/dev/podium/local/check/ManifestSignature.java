package dev.podium.local.check;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** The signature of a record, verified as docs/events.md describes it. */
final class ManifestSignature {
    private static final String HEADER = "podium_signature";
    /** What a manifest's signature begins with. */
    static final String MANIFEST = "podium manifest v1";
    /** The same of a channel's pointer. */
    static final String POINTER = "podium channel pointer v1";

    private ManifestSignature() {}

    /** The keys of a file, by their ids. */
    static Map<String, PublicKey> trusted(Path file) throws IOException {
        Map<String, PublicKey> keys = new HashMap<>();
        for (String line : Files.readAllLines(file)) {
            String[] words = line.replaceAll("#.*", "").strip().split("\\s+");
            if (words.length == 2 && !words[0].equals("revoked")) {
                try {
                    byte[] encoded = Base64.getDecoder().decode(words[1]);
                    keys.put(
                            words[0],
                            KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded)));
                } catch (GeneralSecurityException e) {
                    throw new IOException(file + ": no key: " + line, e);
                }
            }
        }
        return keys;
    }

    /** What is wrong with the signature of a record; empty when nothing is. */
    static Optional<String> fault(
            String purpose, ConsumerRecord<String, byte[]> record, Map<String, PublicKey> trusted) {
        String[] words = TopicLog.header(record, HEADER).split(" ");
        if (words.length != 3 || !words[0].equals("ed25519")) {
            return Optional.of("is not signed");
        }
        PublicKey key = trusted.get(words[1]);
        if (key == null) {
            return Optional.of("is signed by a key that nobody trusts");
        }
        try {
            Signature signature = Signature.getInstance("Ed25519");
            signature.initVerify(key);
            signature.update((purpose + "\n").getBytes(US_ASCII));
            signature.update(record.key().getBytes(UTF_8));
            signature.update((byte) '\n');
            signature.update(record.value());
            return signature.verify(Base64.getDecoder().decode(words[2]))
                    ? Optional.empty()
                    : Optional.of("is not what was signed");
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            return Optional.of("has a signature that cannot be read");
        }
    }
}
