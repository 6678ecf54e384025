package dev.podium.feedback.importing;

import com.jerolba.carpet.CarpetReader;
import com.jerolba.carpet.CloseableIterator;
import com.jerolba.carpet.io.FileSystemInputFile;
import dev.podium.contracts.EventJson;
import dev.podium.feedback.rest.Refusal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.io.api.Binary;
import org.jspecify.annotations.Nullable;

/** The rows of a Parquet file as JSON lines: columns become fields. A row group is held in memory, so it has a limit. */
final class ParquetLines implements Lines, AutoCloseable {
    private static final long MAX_ROW_GROUP_BYTES = 512L * 1024 * 1024;

    @SuppressWarnings("rawtypes")
    private final CloseableIterator<Map> rows;

    ParquetLines(Path file) throws IOException {
        try {
            requireSmallRowGroups(file);
            rows = new CarpetReader<>(file.toFile(), Map.class).iterator();
        } catch (Refusal e) {
            throw e;
        } catch (RuntimeException e) {
            throw damaged(e);
        }
    }

    private static void requireSmallRowGroups(Path file) throws IOException {
        try (ParquetFileReader reader = ParquetFileReader.open(
                new FileSystemInputFile(file.toFile()),
                ParquetReadOptions.builder(new PlainParquetConfiguration()).build())) {
            for (BlockMetaData group : reader.getFooter().getBlocks()) {
                if (group.getTotalByteSize() > MAX_ROW_GROUP_BYTES
                        || group.getCompressedSize() > Files.size(file)
                        || group.getTotalByteSize() < 0) {
                    throw new Refusal(
                            413,
                            "row_group_too_large",
                            "A row group of the Parquet file has " + group.getTotalByteSize() + " bytes, the limit is "
                                    + MAX_ROW_GROUP_BYTES + ". Write it with smaller row groups.");
                }
            }
        }
    }

    @Override
    public Optional<byte[]> next() throws IOException {
        try {
            if (!rows.hasNext()) {
                return Optional.empty();
            }
            byte[] line = EventJson.write(fields(rows.next()));
            if (line.length > LineReader.MAX_LINE_BYTES) {
                throw new Refusal(
                        413, "line_too_long", "A row is longer than " + LineReader.MAX_LINE_BYTES + " bytes of JSON.");
            }
            return Optional.of(line);
        } catch (Refusal e) {
            throw e;
        } catch (RuntimeException e) {
            throw damaged(e);
        }
    }

    /** Absent fields are left out, as they are in JSON lines. */
    private static Map<String, Object> fields(Map<?, ?> row) {
        Map<String, Object> all = new LinkedHashMap<>();
        row.forEach((name, each) -> {
            Object inner = plain(each);
            if (inner != null) {
                all.put(String.valueOf(name), inner);
            }
        });
        return all;
    }

    private static @Nullable Object plain(@Nullable Object value) {
        return switch (value) {
            case null -> null;
            case Binary bytes -> bytes.toStringUsingUTF8();
            case List<?> list -> {
                List<@Nullable Object> all = new ArrayList<>();
                list.forEach(each -> all.add(plain(each)));
                yield all;
            }
            case Map<?, ?> fields -> fields(fields);
            default -> value;
        };
    }

    private static IOException damaged(RuntimeException e) {
        return new IOException("it is no whole Parquet file", e);
    }

    @Override
    public void close() throws IOException {
        rows.close();
    }
}
