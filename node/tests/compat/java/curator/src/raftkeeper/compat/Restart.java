package raftkeeper.compat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.NodeCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.zookeeper.CreateMode;

/** Sessions, ephemerals, locks, leaders and watches outlive a restart of the server. */
@SuppressWarnings("deprecation")
final class Restart {
    /** Who started this program restarts the server when it reads the first, and answers with the second. */
    private static final String ASK = "RESTART";

    private static final String DONE = "RESTARTED";

    private static final BufferedReader STARTER =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    private Restart() {}

    static void everythingOutlivesARestart(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        first.create().creatingParentsIfNeeded().forPath(root + "/watched", new byte[] {1});
        InterProcessMutex held = new InterProcessMutex(first, root + "/lock");
        held.acquire();
        try (PersistentNode node =
                        new PersistentNode(
                                first, CreateMode.EPHEMERAL, false, root + "/mine", new byte[] {1});
                CuratorCache tree = CuratorCache.build(first, root);
                NodeCache watched = new NodeCache(first, root + "/watched");
                LeaderLatch latch = new LeaderLatch(first, root + "/latch", "one")) {
            node.start();
            tree.start();
            watched.start(true);
            latch.start();
            Expect.becomes(() -> first.checkExists().forPath(root + "/mine") != null, "it is there");
            Expect.becomes(latch::hasLeadership, "it leads");
            Expect.becomes(() -> tree.get(root + "/watched").isPresent(), "the cache fills");
            long session = first.getZookeeperClient().getZooKeeper().getSessionId();
            long created = first.checkExists().forPath(root + "/mine").getCzxid();

            askForRestart();

            second.setData().forPath(root + "/watched", new byte[] {2});
            Expect.becomes(() -> Caches.first(watched.getCurrentData()) == 2, "the old watch fires");
            Expect.becomes(
                    () -> tree.get(root + "/watched").map(Caches::first).orElse(-1) == 2,
                    "and so does the recursive one");
            Expect.equal(
                    session,
                    first.getZookeeperClient().getZooKeeper().getSessionId(),
                    "the session after the restart");
            Expect.equal(
                    created,
                    second.checkExists().forPath(root + "/mine").getCzxid(),
                    "the zxid of the ephemeral's creation");
            Expect.that(
                    !new InterProcessMutex(second, root + "/lock").acquire(200, TimeUnit.MILLISECONDS),
                    "the lock is still held");
            held.release();
            Expect.becomes(latch::hasLeadership, "it leads again");
        }
    }

    private static void askForRestart() throws IOException {
        System.out.println(ASK);
        System.out.flush();
        Expect.equal(DONE, String.valueOf(STARTER.readLine()), "the starter's answer");
    }
}
