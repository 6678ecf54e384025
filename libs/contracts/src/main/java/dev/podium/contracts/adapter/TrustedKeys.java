package dev.podium.contracts.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * The public keys whose signatures count. A text file, one key a line; several are valid together, so that an old and a
 * new one overlap while they are rotated.
 *
 * <pre>
 *   # policy-trainer, since 2026
 *   8f3a5c0d91e2b744 MCowBQYDK2VwAyEA...
 *   revoked 17c0ffee00112233
 * </pre>
 */
public final class TrustedKeys {
    private static final int MAX_FILE_BYTES = 256 * 1024;
    private static final String REVOKED = "revoked";

    private final Map<String, PublicKey> keys;
    private final Set<String> revoked;

    private TrustedKeys(Map<String, PublicKey> keys, Set<String> revoked) {
        this.keys = keys;
        this.revoked = revoked;
    }

    /** @throws IOException when the file is not there, or a line is neither a key, a revocation nor a comment */
    public static TrustedKeys read(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new IOException("there is no file of trusted keys " + file);
        }
        if (Files.size(file) > MAX_FILE_BYTES) {
            throw new IOException(file + " has more than " + MAX_FILE_BYTES + " bytes");
        }
        return parse(Files.readString(file, UTF_8), file.toString());
    }

    static TrustedKeys parse(String text, String file) throws IOException {
        Map<String, PublicKey> keys = new TreeMap<>();
        Set<String> revoked = new HashSet<>();
        int number = 0;
        for (String line : text.lines().toList()) {
            number++;
            int comment = line.indexOf('#');
            String[] words =
                    (comment < 0 ? line : line.substring(0, comment)).strip().split("\\s+");
            if (words[0].isEmpty()) {
                continue;
            }
            if (words.length != 2) {
                throw new IOException(file + ", line " + number + ": neither 'KEYID KEY' nor 'revoked KEYID'");
            }
            if (words[0].equals(REVOKED)) {
                revoked.add(words[1]);
            } else {
                keys.put(words[0], key(words[0], words[1], file + ", line " + number));
            }
        }
        if (keys.isEmpty() && revoked.isEmpty()) {
            throw new IOException(file + " names no key; add one by ./podium keys trust");
        }
        return new TrustedKeys(keys, revoked);
    }

    private static PublicKey key(String id, String base64, String where) throws IOException {
        try {
            PublicKey key = KeyFactory.getInstance(SigningKey.ALGORITHM)
                    .generatePublic(new X509EncodedKeySpec(Base64.getDecoder().decode(base64)));
            if (!SigningKey.id(key).equals(id)) {
                throw new IOException(where + ": the id of this key is " + SigningKey.id(key) + ", not " + id);
            }
            return key;
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw new IOException(where + ": no Ed25519 public key", e);
        }
    }

    /** Ids of the keys that count. */
    public Set<String> ids() {
        Set<String> ids = new HashSet<>(keys.keySet());
        ids.removeAll(revoked);
        return ids;
    }

    /**
     * Refuses a manifest that none of the keys has signed.
     *
     * @param recordKey project/version
     * @param value the record's value, byte for byte
     * @param header of {@link SigningKey#HEADER}
     */
    public void verify(byte[] recordKey, byte[] value, Optional<String> header) throws ArtifactException {
        verify(SigningKey.Purpose.MANIFEST, recordKey, value, header);
    }

    /** The same for any record that is signed. */
    public void verify(SigningKey.Purpose purpose, byte[] recordKey, byte[] value, Optional<String> header)
            throws ArtifactException {
        String subject = purpose.subject();
        if (header.isEmpty()) {
            throw new ArtifactException(subject + " is not signed, and only signed ones are trusted here");
        }
        SigningKey.Parsed signature = SigningKey.Parsed.of(header.get())
                .orElseThrow(() -> new ArtifactException(subject + "'s signature cannot be read"));
        if (revoked.contains(signature.keyId())) {
            throw new ArtifactException(subject + " is signed by key " + printable(signature) + ", which is revoked");
        }
        PublicKey key = keys.get(signature.keyId());
        if (key == null) {
            throw new ArtifactException(subject + " is signed by key " + printable(signature)
                    + ", which is not trusted here; trusted are " + keys.keySet());
        }
        if (!SigningKey.verifies(key, signature.bytes(), purpose, recordKey, value)) {
            throw new ArtifactException(subject + "'s signature by key " + printable(signature)
                    + " is wrong: it was changed, or belongs to another "
                    + (purpose == SigningKey.Purpose.MANIFEST ? "version" : "channel"));
        }
    }

    /** What a stranger wrote is not repeated at length. */
    private static String printable(SigningKey.Parsed signature) {
        String id = signature.keyId().replaceAll("[^0-9a-zA-Z]", "?");
        return id.substring(0, Math.min(40, id.length()));
    }
}
