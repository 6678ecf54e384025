package dev.podium.feedback.exporting;

import dev.podium.feedback.rest.Refusal;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Locale;

/** How rows are written. */
enum FileType {
    JSONL("application/x-ndjson") {
        @Override
        Sink open(OutputStream out, ExportFormat format) {
            return new JsonLines(out);
        }
    },
    PARQUET("application/vnd.apache.parquet") {
        @Override
        Sink open(OutputStream out, ExportFormat format) throws IOException {
            return new ParquetFile(out, format.row());
        }
    },
    CSV("text/csv") {
        @Override
        Sink open(OutputStream out, ExportFormat format) throws IOException {
            return new CsvFile(out, format.row());
        }
    };

    private final String mediaType;

    FileType(String mediaType) {
        this.mediaType = mediaType;
    }

    /** Begins a file. */
    abstract Sink open(OutputStream out, ExportFormat format) throws IOException;

    String mediaType() {
        return mediaType;
    }

    String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    static FileType of(String word) {
        for (FileType type : values()) {
            if (type.word().equals(word)) {
                return type;
            }
        }
        throw new Refusal(400, "unknown_file_type", "file must be jsonl, parquet or csv.");
    }
}
