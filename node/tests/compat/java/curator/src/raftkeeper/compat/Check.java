package raftkeeper.compat;

import org.apache.curator.framework.CuratorFramework;

/** One claim about a recipe. It throws when the claim does not hold. */
@FunctionalInterface
interface Check {
    /** Works below {@code root}, which is its own; {@code first} and {@code second} are two sessions. */
    void run(CuratorFramework first, CuratorFramework second, String root) throws Exception;
}
