package dev.podium.local.stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StackFolderTest {
    @TempDir
    Path home;

    @Test
    void secretIsMadeOnceAndReadableByItsOwnerOnly() throws Exception {
        StackFolder folder = new StackFolder(home);

        String secret = folder.secret("session-key", 32);

        assertEquals(secret, folder.secret("session-key", 32));
        assertTrue(secret.length() >= 32);
        assertEquals("rw-------", permissions(home.resolve("session-key")));
    }

    @Test
    void logInOfTheOperatorIsReadableByItsOwnerOnlyAndNotPrinted() throws Exception {
        StackFolder folder = new StackFolder(home);
        Operator operator = new Operator("http://localhost:1", "operator", "geheim");

        operator.write(folder);

        assertEquals(operator, Operator.read(folder).orElseThrow());
        assertEquals("rw-------", permissions(folder.operatorFile()));
        assertFalse(operator.toString().contains("geheim"));
    }

    @Test
    void takenPortIsNamedWithWhatItIsWantedFor() throws Exception {
        Ports ports = Ports.free();
        try (ServerSocket other = new ServerSocket(ports.kafka(), 1, InetAddress.getLoopbackAddress())) {
            assertTrue(other.isBound());
            assertEquals(java.util.List.of(ports.kafka() + " (Kafka)"), ports.taken());
        }
    }

    @Test
    void firstPortThatLeavesNoRoomIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new Ports(65530));
    }

    @Test
    void fullLogIsPutAsideAndBegunAnew() throws Exception {
        Path file = home.resolve("x.log");
        RotatedLog log = new RotatedLog(file);
        log.copy(new ByteArrayInputStream(new byte[(int) RotatedLog.MAX_BYTES]));

        log.copy(new ByteArrayInputStream("fresh\n".getBytes(java.nio.charset.StandardCharsets.UTF_8)));

        assertEquals("fresh\n", Files.readString(file));
        assertTrue(Files.size(home.resolve("x.log.1")) >= RotatedLog.MAX_BYTES);
    }

    @Test
    void whatAKilledLauncherHasLeftIsEndedAndNamedUnlessAStackHoldsTheFolder() throws Exception {
        StackFolder folder = new StackFolder(home);
        assertEquals(java.util.List.of(), LocalStack.endLeftovers(folder));
        folder.create();
        Process left = new ProcessBuilder("sleep", "600").start();
        new PidFile(folder.pids().resolve("ranking-stream.pid")).write(left.toHandle());
        try (FileChannel other =
                FileChannel.open(folder.lockFile(), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            assertTrue(other.lock().isValid());
            assertThrows(StackException.class, () -> LocalStack.endLeftovers(folder));
            assertTrue(left.isAlive());
        }

        assertEquals(
                java.util.List.of("stopped a ranking-stream that an earlier run left behind"),
                LocalStack.endLeftovers(folder));
        assertFalse(left.isAlive());
        assertEquals(java.util.List.of(), LocalStack.endLeftovers(folder));
    }

    private static String permissions(Path file) throws Exception {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
    }
}
