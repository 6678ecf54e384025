package dev.podium.e2e;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/**
 * A way to a port that can be held: connections are taken all the same, and get no answer, as from a server that is
 * frozen.
 */
final class Wire implements AutoCloseable {
    private final ServerSocket entrance;
    private final int port;
    private boolean held;

    private Wire(ServerSocket entrance, int port) {
        this.entrance = entrance;
        this.port = port;
    }

    /** A way to a port of this machine, where somebody may listen later. */
    static Wire to(int port) throws IOException {
        Wire wire = new Wire(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()), port);
        Thread.ofVirtual().name("wire").start(wire::take);
        return wire;
    }

    String address() {
        return "127.0.0.1:" + entrance.getLocalPort();
    }

    /** Nothing gets through until {@link #release()}. */
    synchronized void hold() {
        held = true;
    }

    synchronized void release() {
        held = false;
        notifyAll();
    }

    private synchronized void pass() throws IOException {
        while (held) {
            try {
                wait();
            } catch (InterruptedException e) {
                throw new IOException("interrupted", e);
            }
        }
    }

    private void take() {
        while (!entrance.isClosed()) {
            try {
                Socket from = entrance.accept();
                Thread.ofVirtual().name("wire-out").start(() -> carry(from));
            } catch (IOException e) {
                // Closed, or the other side has given up: both say so themselves.
            }
        }
    }

    private void carry(Socket from) {
        try (from;
                Socket to = new Socket(InetAddress.getLoopbackAddress(), port)) {
            Thread.ofVirtual().name("wire-back").start(() -> copy(to, from));
            copy(from, to);
        } catch (IOException e) {
            // Nobody listens yet; who called sees a connection that is closed.
        }
    }

    private void copy(Socket from, Socket to) {
        try (from;
                to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            byte[] buffer = new byte[8192];
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                pass();
                out.write(buffer, 0, n);
            }
        } catch (IOException e) {
            // One side is gone; the other is told by the end of its connection.
        }
    }

    @Override
    public void close() throws IOException {
        entrance.close();
    }
}
