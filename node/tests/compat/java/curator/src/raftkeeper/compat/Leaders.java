package raftkeeper.compat;

import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.leader.LeaderLatch;

/** Leader election. */
final class Leaders {
    private Leaders() {}

    static void oneLeadsAndTheNextFollows(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        try (LeaderLatch two = new LeaderLatch(second, root + "/latch", "two")) {
            try (LeaderLatch one = new LeaderLatch(first, root + "/latch", "one")) {
                one.start();
                Expect.becomes(one::hasLeadership, "the only participant leads");
                two.start();
                Expect.becomes(() -> two.getParticipants().size() == 2, "both take part");
                Expect.that(!two.hasLeadership(), "there is one leader");
                Expect.equal("one", two.getLeader().getId(), "the leader as the other sees it");
            }
            Expect.becomes(two::hasLeadership, "the other leads when the leader leaves");
            Expect.equal("two", two.getLeader().getId(), "the leader after that");
        }
    }
}
