package dev.podium.contracts.adapter;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.interfaces.EdECPrivateKey;
import java.security.spec.NamedParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Optional;

/**
 * An Ed25519 key that signs manifests or pointers of channels. On disk it is a PKCS#8 file in PEM form, as {@code openssl genpkey -algorithm
 * ed25519} writes it. Its id is the beginning of the sha256 of its public key, so that nobody can choose one.
 */
public final class SigningKey {
    /** Header of a signed record: {@code ed25519 KEYID SIGNATURE}, the signature in base64. */
    public static final String HEADER = "podium_signature";

    static final String ALGORITHM = "Ed25519";
    private static final String SCHEME = "ed25519";
    private static final String BEGIN = "-----BEGIN PRIVATE KEY-----";
    private static final String END = "-----END PRIVATE KEY-----";
    private static final int ID_DIGITS = 16;

    /** What is signed names its purpose, so that a signature of one kind of record is never one of another. */
    public enum Purpose {
        /** project/version: what was trained. */
        MANIFEST("podium manifest v1\n", "its manifest"),
        /** project/channel: what is to be served. */
        POINTER("podium channel pointer v1\n", "the pointer");

        private final byte[] domain;
        private final String subject;

        Purpose(String domain, String subject) {
            this.domain = domain.getBytes(US_ASCII);
            this.subject = subject;
        }

        /** As the beginning of a sentence names it. */
        String subject() {
            return subject;
        }
    }

    private final PrivateKey privateKey;
    private final PublicKey publicKey;
    private final String id;

    private SigningKey(PrivateKey privateKey, PublicKey publicKey) {
        this.privateKey = privateKey;
        this.publicKey = publicKey;
        this.id = id(publicKey);
    }

    /** A new key. */
    public static SigningKey generate() {
        try {
            KeyPair pair = KeyPairGenerator.getInstance(ALGORITHM).generateKeyPair();
            return new SigningKey(pair.getPrivate(), pair.getPublic());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has " + ALGORITHM, e);
        }
    }

    /** @throws IOException when the file is not there, or holds no Ed25519 private key */
    public static SigningKey read(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new IOException("there is no signing key " + file + "; make one by ./podium keys new " + file);
        }
        String text = Files.readString(file, UTF_8);
        int begin = text.indexOf(BEGIN);
        int end = text.indexOf(END);
        if (begin < 0 || end < begin) {
            throw new IOException(file + " holds no " + BEGIN);
        }
        try {
            byte[] encoded = Base64.getMimeDecoder().decode(text.substring(begin + BEGIN.length(), end));
            PrivateKey privateKey = KeyFactory.getInstance(ALGORITHM).generatePrivate(new PKCS8EncodedKeySpec(encoded));
            return of(privateKey);
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            // Not the cause's message: it might quote the key.
            throw new IOException(
                    file + " holds no Ed25519 private key (" + e.getClass().getSimpleName() + ")");
        }
    }

    /** The file's content; to be readable by its owner alone. */
    public String toPem() {
        String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(privateKey.getEncoded());
        return BEGIN + "\n" + body + "\n" + END + "\n";
    }

    /** Of the public key. */
    public String id() {
        return id;
    }

    /** The line of a file of trusted keys, see {@link TrustedKeys}. */
    public String trustLine() {
        return id + " " + Base64.getEncoder().encodeToString(publicKey.getEncoded());
    }

    /**
     * Value of {@link #HEADER} for a manifest.
     *
     * @param recordKey project/version
     * @param value the record's value, byte for byte
     */
    public String sign(byte[] recordKey, byte[] value) {
        return sign(Purpose.MANIFEST, recordKey, value);
    }

    /** The same for any record that is signed. */
    public String sign(Purpose purpose, byte[] recordKey, byte[] value) {
        try {
            Signature signature = Signature.getInstance(ALGORITHM);
            signature.initSign(privateKey);
            feed(signature, purpose, recordKey, value);
            return SCHEME + " " + id + " " + Base64.getEncoder().encodeToString(signature.sign());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("the signing key " + id + " does not sign", e);
        }
    }

    /** Whether a file can be read by others than its owner; false where the file system has no such rights. */
    public static boolean isReadableByOthers(Path file) throws IOException {
        if (!Files.getFileStore(file).supportsFileAttributeView("posix")) {
            return false;
        }
        return Files.getPosixFilePermissions(file).stream()
                .anyMatch(right ->
                        right.name().startsWith("GROUP") || right.name().startsWith("OTHERS"));
    }

    /**
     * A signature, taken apart.
     *
     * @param bytes 64
     */
    record Parsed(String keyId, byte[] bytes) {
        static Optional<Parsed> of(String header) {
            String[] parts = header.split(" ", -1);
            if (parts.length != 3 || !parts[0].equals(SCHEME)) {
                return Optional.empty();
            }
            try {
                return Optional.of(new Parsed(parts[1], Base64.getDecoder().decode(parts[2])));
            } catch (IllegalArgumentException e) {
                return Optional.empty();
            }
        }
    }

    static boolean verifies(PublicKey key, byte[] signed, Purpose purpose, byte[] recordKey, byte[] value) {
        try {
            Signature signature = Signature.getInstance(ALGORITHM);
            signature.initVerify(key);
            feed(signature, purpose, recordKey, value);
            return signature.verify(signed);
        } catch (GeneralSecurityException e) {
            // Of a wrong length, say.
            return false;
        }
    }

    static String id(PublicKey key) {
        MessageDigest digest = ArtifactReader.sha256();
        return HexFormat.of().formatHex(digest.digest(key.getEncoded())).substring(0, ID_DIGITS);
    }

    private static void feed(Signature signature, Purpose purpose, byte[] recordKey, byte[] value)
            throws GeneralSecurityException {
        signature.update(purpose.domain);
        // Key and value cannot be shifted against each other: a key has no line end.
        signature.update(recordKey);
        signature.update((byte) '\n');
        signature.update(value);
    }

    /**
     * PKCS#8 holds the private half alone. The public one is what a generator makes of the same 32 bytes; that it is the
     * right one is tried at once.
     */
    private static SigningKey of(PrivateKey privateKey) throws GeneralSecurityException {
        byte[] seed = ((EdECPrivateKey) privateKey)
                .getBytes()
                .orElseThrow(() -> new InvalidKeyException("the key does not give its bytes"));
        KeyPairGenerator generator = KeyPairGenerator.getInstance(ALGORITHM);
        generator.initialize(new NamedParameterSpec(ALGORITHM), new Seed(seed));
        SigningKey key = new SigningKey(privateKey, generator.generateKeyPair().getPublic());
        byte[] probe = "probe".getBytes(US_ASCII);
        Parsed signed =
                Parsed.of(key.sign(probe, probe)).orElseThrow(() -> new InvalidKeyException("the key does not sign"));
        if (!verifies(key.publicKey, signed.bytes(), Purpose.MANIFEST, probe, probe)) {
            throw new InvalidKeyException("the key's public half was not found");
        }
        return key;
    }

    /** Gives the bytes of a key, once. */
    private static final class Seed extends SecureRandom {
        private static final long serialVersionUID = 1L;

        private final byte[] bytes;

        Seed(byte[] bytes) {
            this.bytes = bytes.clone();
        }

        @Override
        public void nextBytes(byte[] target) {
            System.arraycopy(bytes, 0, target, 0, Math.min(bytes.length, target.length));
        }
    }
}
