package dev.podium.contracts.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrustedKeysTest {
    /** The first test vector of RFC 8032, section 7.1; what stands before it is the frame of PKCS#8. */
    private static final String SECRET =
            "302e020100300506032b657004220420" + "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

    /** Its public key, in the frame of SubjectPublicKeyInfo. */
    private static final String PUBLIC =
            "302a300506032b6570032100" + "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    private static final String KEY = "p/v1";
    private static final byte[] VALUE = "{\"version\":\"v1\"}".getBytes(UTF_8);

    @TempDir
    Path folder;

    private final SigningKey old = SigningKey.generate();
    private final SigningKey fresh = SigningKey.generate();

    @Test
    void aKeyGivesThePublicHalfOfTheStandardsTestVector() throws Exception {
        String pem = "-----BEGIN PRIVATE KEY-----\n"
                + Base64.getEncoder().encodeToString(HexFormat.of().parseHex(SECRET))
                + "\n-----END PRIVATE KEY-----\n";
        SigningKey key = SigningKey.read(Files.writeString(folder.resolve("key.pem"), pem));

        assertEquals(
                key.id() + " "
                        + Base64.getEncoder().encodeToString(HexFormat.of().parseHex(PUBLIC)),
                key.trustLine());
    }

    @Test
    void aKeyIsReadAsItWasWritten() throws Exception {
        SigningKey again = SigningKey.read(Files.writeString(folder.resolve("key.pem"), old.toPem()));

        assertEquals(old.trustLine(), again.trustLine());
        assertDoesNotThrow(() -> trust(old.trustLine()).verify(KEY.getBytes(UTF_8), VALUE, signedBy(again)));
    }

    @Test
    void oldAndNewKeyCountTogether() throws Exception {
        TrustedKeys both = trust("# rotation\n" + old.trustLine() + "\n\n" + fresh.trustLine() + " # new");

        assertDoesNotThrow(() -> both.verify(KEY.getBytes(UTF_8), VALUE, signedBy(old)));
        assertDoesNotThrow(() -> both.verify(KEY.getBytes(UTF_8), VALUE, signedBy(fresh)));
    }

    @Test
    void aRevokedKeyIsRefusedThoughItIsListed() throws Exception {
        TrustedKeys keys = trust(old.trustLine() + "\n" + fresh.trustLine() + "\nrevoked " + old.id());

        assertRefused(keys, signedBy(old), "is revoked");
        assertEquals(java.util.Set.of(fresh.id()), keys.ids());
    }

    @Test
    void whatIsUnsignedUnknownUnreadableOrOfAnotherVersionIsRefused() throws Exception {
        TrustedKeys keys = trust(old.trustLine());
        byte[] other = "{\"version\":\"v2\"}".getBytes(UTF_8);

        assertRefused(keys, Optional.empty(), "is not signed");
        assertRefused(keys, signedBy(fresh), "not trusted here");
        assertRefused(keys, Optional.of("ed25519 only-two"), "cannot be read");
        assertRefused(keys, Optional.of("ed25519 " + old.id() + " AAAA"), "is wrong");
        assertRefused(keys, Optional.of(old.sign("p/v2".getBytes(UTF_8), VALUE)), "is wrong");
        assertRefused(keys, Optional.of(old.sign(KEY.getBytes(UTF_8), other)), "is wrong");
    }

    @Test
    void aSignatureOfAManifestIsNoneOfAPointer() throws Exception {
        TrustedKeys keys = trust(old.trustLine());
        byte[] key = KEY.getBytes(UTF_8);
        Optional<String> pointer = Optional.of(old.sign(SigningKey.Purpose.POINTER, key, VALUE));

        assertDoesNotThrow(() -> keys.verify(SigningKey.Purpose.POINTER, key, VALUE, pointer));
        assertRefused(keys, pointer, "is wrong");
        assertThrows(ArtifactException.class, () -> keys.verify(SigningKey.Purpose.POINTER, key, VALUE, signedBy(old)));
    }

    @Test
    void aFileThatIsNotUnderstoodTrustsNobody() {
        assertThrows(IOException.class, () -> trust("# nothing yet"));
        assertThrows(IOException.class, () -> trust("what is this line"));
        assertThrows(
                IOException.class,
                () -> trust("0123456789abcdef " + old.trustLine().split(" ")[1]));
        assertThrows(
                IOException.class,
                () -> ManifestTrust.in(folder.resolve("absent")).check(KEY, VALUE, signedBy(old)));
    }

    @Test
    void theKeysAreReadAtEachCheck() throws Exception {
        Path file = Files.writeString(folder.resolve("keys"), old.trustLine());
        ManifestTrust trust = ManifestTrust.in(file);
        trust.check(KEY, VALUE, signedBy(old));

        Files.writeString(file, fresh.trustLine() + "\nrevoked " + old.id());

        assertThrows(ArtifactException.class, () -> trust.check(KEY, VALUE, signedBy(old)));
        trust.check(KEY, VALUE, signedBy(fresh));
    }

    @Test
    void aKeyThatOthersMayReadIsSeen() throws Exception {
        Path file = Files.writeString(folder.resolve("key.pem"), old.toPem());
        Files.setPosixFilePermissions(file, java.nio.file.attribute.PosixFilePermissions.fromString("rw-r-----"));
        assertTrue(SigningKey.isReadableByOthers(file));
        Files.setPosixFilePermissions(file, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
        assertFalse(SigningKey.isReadableByOthers(file));
    }

    private static Optional<String> signedBy(SigningKey key) {
        return Optional.of(key.sign(KEY.getBytes(UTF_8), VALUE));
    }

    private static void assertRefused(TrustedKeys keys, Optional<String> signature, String why) {
        ArtifactException refusal =
                assertThrows(ArtifactException.class, () -> keys.verify(KEY.getBytes(UTF_8), VALUE, signature));
        assertTrue(refusal.getMessage().contains(why), refusal.getMessage());
    }

    private static TrustedKeys trust(String text) throws IOException {
        return TrustedKeys.parse(text, "keys");
    }
}
