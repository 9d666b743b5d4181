package raftkeeper.compat;

import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.retry.ExponentialBackoffRetry;

/** How all checks connect. */
final class Clients {
    private static final int SESSION_TIMEOUT_MS = 20_000;
    private static final int CONNECTION_TIMEOUT_MS = 15_000;

    private Clients() {}

    static CuratorFramework open(String address) throws Exception {
        CuratorFramework client =
                CuratorFrameworkFactory.newClient(
                        address,
                        SESSION_TIMEOUT_MS,
                        CONNECTION_TIMEOUT_MS,
                        new ExponentialBackoffRetry(100, 8));
        client.start();
        client.blockUntilConnected();
        return client;
    }
}
