package raftkeeper.compat;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.cache.ChildData;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.NodeCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.cache.TreeCache;

/** Pictures of the tree that watches keep up to date: persistent recursive ones, and the older kinds. */
@SuppressWarnings("deprecation")
final class Caches {
    private Caches() {}

    static void curatorCacheFollowsABranch(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        first.create().creatingParentsIfNeeded().forPath(root + "/tree/old", new byte[] {1});
        List<String> seen = new CopyOnWriteArrayList<>();
        try (CuratorCache cache = CuratorCache.build(first, root + "/tree")) {
            cache.listenable()
                    .addListener(
                            CuratorCacheListener.builder()
                                    .forCreates(node -> seen.add("created " + node.getPath()))
                                    .forChanges((old, now) -> seen.add("changed " + now.getPath()))
                                    .forDeletes(node -> seen.add("deleted " + node.getPath()))
                                    .build());
            cache.start();
            Expect.becomes(() -> cache.get(root + "/tree/old").isPresent(), "the cache fills");
            // Each step is waited for: the cache reads a znode when it hears of it, and passes over
            // what came and went before it could.
            second.create().forPath(root + "/tree/new", new byte[] {2});
            second.create().forPath(root + "/tree/new/leaf", new byte[] {3});
            Expect.becomes(() -> seen.contains("created " + root + "/tree/new/leaf"), "a leaf");
            second.setData().forPath(root + "/tree/new", new byte[] {4});
            Expect.becomes(() -> seen.contains("changed " + root + "/tree/new"), "a change");
            second.delete().forPath(root + "/tree/new/leaf");
            second.delete().forPath(root + "/tree/new");
            Expect.becomes(() -> seen.contains("deleted " + root + "/tree/new"), "the last event");
            Expect.becomes(() -> cache.size() == 2, "the branch and its old leaf are left");
            Expect.that(seen.contains("created " + root + "/tree/new"), "creates are seen: " + seen);
        }
    }

    static void nodeCacheFollowsOneZnode(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        String path = root + "/node";
        try (NodeCache cache = new NodeCache(first, path)) {
            cache.start(true);
            Expect.that(cache.getCurrentData() == null, "nothing is there");
            second.create().forPath(path, new byte[] {1});
            Expect.becomes(() -> first(cache.getCurrentData()) == 1, "its creation is seen");
            second.setData().forPath(path, new byte[] {2});
            Expect.becomes(() -> first(cache.getCurrentData()) == 2, "its change is seen");
            second.delete().forPath(path);
            Expect.becomes(() -> cache.getCurrentData() == null, "its end is seen");
        }
    }

    static void pathChildrenCacheFollowsChildren(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        try (PathChildrenCache cache = new PathChildrenCache(first, root + "/list", true)) {
            cache.start(PathChildrenCache.StartMode.BUILD_INITIAL_CACHE);
            for (int number = 0; number < 10; number++) {
                second.create().forPath(root + "/list/c" + number, new byte[] {1});
            }
            Expect.becomes(() -> cache.getCurrentData().size() == 10, "ten children are seen");
            second.setData().forPath(root + "/list/c3", new byte[] {7});
            Expect.becomes(() -> first(cache.getCurrentData(root + "/list/c3")) == 7, "a change");
            second.delete().forPath(root + "/list/c0");
            Expect.becomes(() -> cache.getCurrentData().size() == 9, "nine are left");
        }
    }

    static void treeCacheFollowsAllLevels(
            CuratorFramework first, CuratorFramework second, String root) throws Exception {
        try (TreeCache cache = new TreeCache(first, root + "/levels")) {
            cache.start();
            second.create().creatingParentsIfNeeded().forPath(root + "/levels/a/b/c", new byte[] {5});
            Expect.becomes(
                    () -> first(cache.getCurrentData(root + "/levels/a/b/c")) == 5, "the third level");
            second.delete().deletingChildrenIfNeeded().forPath(root + "/levels/a");
            Expect.becomes(
                    () -> cache.getCurrentData(root + "/levels/a") == null, "the branch is gone");
        }
    }

    /** The first byte of a znode's data; -1 where there is none. */
    static int first(ChildData node) {
        return node == null || node.getData() == null || node.getData().length == 0
                ? -1
                : node.getData()[0];
    }
}
