package dev.podium.rankingstream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;

class BoundedRocksDbTest {
    private static final int STORES_OF_TWELVE_PARTITIONS = 132;
    private static final int ROWS = 30;

    @TempDir
    Path folder;

    @Test
    void storesOfTwelvePartitionsKeepTheirNewestRowsInMemory() throws Exception {
        BoundedRocksDb bounded = new BoundedRocksDb();
        List<RocksDB> stores = new ArrayList<>();
        List<Options> configured = new ArrayList<>();
        try {
            for (int i = 0; i < STORES_OF_TWELVE_PARTITIONS; i++) {
                Options options =
                        new Options().setCreateIfMissing(true).setTableFormatConfig(new BlockBasedTableConfig());
                bounded.setConfig("store-" + i, options, Map.of());
                configured.add(options);
                stores.add(RocksDB.open(options, folder.resolve("store-" + i).toString()));
            }
            for (int row = 0; row < ROWS; row++) {
                for (RocksDB store : stores) {
                    store.put(("row " + row).getBytes(UTF_8), new byte[600]);
                }
            }
            assertEquals(0, files(), "files that were written before a buffer was full");
        } finally {
            stores.forEach(RocksDB::close);
            configured.forEach(Options::close);
        }
    }

    private long files() throws Exception {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(each -> each.toString().endsWith(".sst")).count();
        }
    }
}
