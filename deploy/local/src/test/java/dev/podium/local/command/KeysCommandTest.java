package dev.podium.local.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands of a rotation, as the operations guide gives them. */
class KeysCommandTest {
    @TempDir
    Path folder;

    private StringWriter out = new StringWriter();
    private StringWriter err = new StringWriter();

    @Test
    void aKeyIsRotatedAndTheOldOneRevoked() throws Exception {
        Path keys = folder.resolve("trusted-keys");
        String[] first = made("old.pem").split(" ");
        String[] second = made("new.pem").split(" ");
        assertEquals(
                "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("old.pem"))));

        run(0, "keys", "trust", first[0], first[1], "--keys", keys.toString());
        run(0, "keys", "trust", second[0], second[1], "--keys", keys.toString());
        String both = run(0, "keys", "list", "--keys", keys.toString());
        assertTrue(both.contains(first[0]) && both.contains(second[0]), both);
        run(0, "keys", "revoke", first[0], "--keys", keys.toString());

        assertEquals(
                second[0], run(0, "keys", "list", "--keys", keys.toString()).strip());
        assertEquals(
                String.join(" ", second),
                run(0, "keys", "show", folder.resolve("new.pem").toString()).strip());
    }

    @Test
    void aKeyIsNeverOverwrittenAndALineThatIsNoKeyIsNotWritten() throws Exception {
        Path keys = folder.resolve("trusted-keys");
        made("key.pem");
        byte[] before = Files.readAllBytes(folder.resolve("key.pem"));
        run(1, "keys", "new", folder.resolve("key.pem").toString());
        assertTrue(java.util.Arrays.equals(before, Files.readAllBytes(folder.resolve("key.pem"))));

        run(1, "keys", "trust", "0123456789abcdef", "AAAA", "--keys", keys.toString());
        assertFalse(Files.exists(keys));
    }

    private String made(String name) {
        return run(0, "keys", "new", folder.resolve(name).toString()).strip();
    }

    private String run(int status, String... arguments) {
        out = new StringWriter();
        err = new StringWriter();
        Session session = new Session(
                Map.of("PODIUM_HOME", folder.toString()), new PrintWriter(out, true), new PrintWriter(err, true));
        assertEquals(status, Podium.run(session, arguments), err.toString());
        return out.toString();
    }
}
