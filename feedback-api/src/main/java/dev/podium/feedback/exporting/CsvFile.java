package dev.podium.feedback.exporting;

import dev.podium.contracts.EventJson;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Comma-separated values (RFC 4180), for spreadsheets. Every cell is quoted; one that a spreadsheet would take for a
 * formula begins with an apostrophe. Lists are written as JSON.
 */
final class CsvFile implements Sink {
    private static final String FORMULA_STARTS = "=+-@\t\r";

    private final OutputStream out;
    private final RecordComponent[] columns;

    CsvFile(OutputStream out, Class<?> row) throws IOException {
        this.out = out;
        this.columns = row.getRecordComponents();
        line(Stream.of(columns).map(Rows::name));
    }

    @Override
    public void write(Record row) throws IOException {
        line(Stream.of(columns).map(column -> text(row, column)));
    }

    private static String text(Record row, RecordComponent column) {
        return switch (Rows.value(row, column)) {
            case String text -> inert(text);
            case Collection<?> list -> inert(EventJson.writeText(list));
            case Object value -> String.valueOf(value);
        };
    }

    static String inert(String text) {
        return !text.isEmpty() && FORMULA_STARTS.indexOf(text.charAt(0)) >= 0 ? "'" + text : text;
    }

    private void line(Stream<String> cells) throws IOException {
        String line = cells.map(cell -> '"' + cell.replace("\"", "\"\"") + '"').collect(Collectors.joining(","));
        out.write((line + "\r\n").getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public void finish() {
        // A line is whole when it is written.
    }
}
