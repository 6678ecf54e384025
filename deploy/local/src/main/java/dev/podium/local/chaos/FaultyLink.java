package dev.podium.local.chaos;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Carries the connections of one process to one server, until it is told not to. What is held back in a black hole is
 * not lost: it goes on when the hole closes, as TCP would send it again.
 */
final class FaultyLink implements AutoCloseable {
    private static final int BUFFER_BYTES = 64 * 1024;
    private static final int CONNECT_MILLIS = 5_000;

    private final int serverPort;
    private final ServerSocket listener;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private boolean refuses;
    private boolean holdsRequests;
    private boolean holdsAnswers;
    private boolean closed;

    private FaultyLink(ServerSocket listener, int serverPort) {
        this.listener = listener;
        this.serverPort = serverPort;
    }

    /** Listens on one port of this machine, and carries on to another. */
    static FaultyLink start(int port, int serverPort) throws IOException {
        ServerSocket listener = new ServerSocket();
        listener.setReuseAddress(true);
        listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 128);
        FaultyLink link = new FaultyLink(listener, serverPort);
        Thread.ofPlatform().daemon().name("link-" + port).start(link::accept);
        return link;
    }

    /** Resets every open connection; new ones are taken. */
    void reset() {
        open.forEach(FaultyLink::abort);
    }

    /** Resets every open connection, and every new one. */
    void refuse() {
        synchronized (this) {
            refuses = true;
        }
        reset();
    }

    /** Lets nothing pass. */
    synchronized void hold(boolean requests, boolean answers) {
        holdsRequests = requests;
        holdsAnswers = answers;
    }

    /** Carries everything again. */
    synchronized void heal() {
        refuses = false;
        holdsRequests = false;
        holdsAnswers = false;
        notifyAll();
    }

    @Override
    public void close() throws IOException {
        synchronized (this) {
            closed = true;
        }
        heal();
        listener.close();
        reset();
    }

    private void accept() {
        while (true) {
            try {
                Socket client = listener.accept();
                if (isRefusing()) {
                    abort(client);
                } else {
                    Thread.ofVirtual().start(() -> carry(client));
                }
            } catch (IOException e) {
                if (listener.isClosed()) {
                    return;
                }
            }
        }
    }

    private synchronized boolean isRefusing() {
        return refuses;
    }

    private void carry(Socket client) {
        Socket server = new Socket();
        open.add(client);
        try {
            awaitWay(true);
            server.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), serverPort), CONNECT_MILLIS);
            open.add(server);
            client.setTcpNoDelay(true);
            server.setTcpNoDelay(true);
            Thread answers = Thread.ofVirtual().start(() -> pump(server, client, false));
            pump(client, server, true);
            answers.join();
        } catch (IOException e) {
            // Nobody is there: the client is told as the kernel would tell it.
            abort(client);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            abort(client);
            abort(server);
            open.remove(client);
            open.remove(server);
        }
    }

    private void pump(Socket from, Socket to, boolean requests) {
        byte[] buffer = new byte[BUFFER_BYTES];
        try {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                awaitWay(requests);
                out.write(buffer, 0, n);
            }
            to.shutdownOutput();
        } catch (IOException e) {
            // One end is gone, so the other has nobody to speak to.
            abort(from);
            abort(to);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void awaitWay(boolean requests) throws InterruptedException {
        while (!closed && (requests ? holdsRequests : holdsAnswers)) {
            wait();
        }
    }

    /** Closes with a reset, not in peace. */
    private static void abort(Socket socket) {
        try {
            socket.setSoLinger(true, 0);
            socket.close();
        } catch (IOException e) {
            // It is closed already.
            return;
        }
    }
}
