package dev.podium.rankingstream;

import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.Cache;
import org.rocksdb.DataBlockIndexType;
import org.rocksdb.IndexType;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.WriteBufferManager;

/** One block cache and one bound of write buffers for all stores of the process, however many partitions it has. */
public final class BoundedRocksDb implements RocksDBConfigSetter {
    private static final long CACHE_BYTES = 48L * 1024 * 1024;
    private static final long WRITE_BUFFERS_BYTES = 24L * 1024 * 1024;
    private static final long WRITE_BUFFER_BYTES = 4L * 1024 * 1024;
    // Of a task that is read at random, a block is read.
    private static final int BLOCK_BYTES = 4 * 1024;
    // Of the cache; rows that are read at random do not push index and filters out of it.
    private static final double INDEX_SHARE = 0.3;
    // Four parts, so that what write buffers take of one leaves room for rows.
    private static final int SHARD_BITS = 2;
    // A store has begun a buffer when it has a few rows, and a process has 132 stores with twelve partitions.
    private static final int ARENA_BLOCK_BYTES = 64 * 1024;

    static {
        RocksDB.loadLibrary();
    }

    private static final Cache CACHE = new LRUCache(CACHE_BYTES, SHARD_BITS, false, INDEX_SHARE);
    // Counts write buffers as part of the cache.
    private static final WriteBufferManager WRITE_BUFFERS = new WriteBufferManager(WRITE_BUFFERS_BYTES, CACHE);

    @Override
    public void setConfig(String storeName, Options options, Map<String, Object> configs) {
        BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
        table.setBlockCache(CACHE);
        table.setCacheIndexAndFilterBlocks(true);
        table.setBlockSize(BLOCK_BYTES);
        table.setDataBlockIndexType(DataBlockIndexType.kDataBlockBinaryAndHash);
        // Index and filters in parts: of a store that is larger than the cache only what is needed of them is there.
        table.setIndexType(IndexType.kTwoLevelIndexSearch);
        table.setPartitionFilters(true);
        options.setTableFormatConfig(table);
        options.setWriteBufferManager(WRITE_BUFFERS);
        options.setWriteBufferSize(WRITE_BUFFER_BYTES);
        options.setMaxWriteBufferNumber(2);
        options.setArenaBlockSize(ARENA_BLOCK_BYTES);
    }

    @Override
    public void close(String storeName, Options options) {
        // Cache and bound are shared; they live as long as the process.
    }
}
