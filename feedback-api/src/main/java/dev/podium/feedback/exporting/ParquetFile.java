package dev.podium.feedback.exporting;

import com.jerolba.carpet.CarpetWriter;
import com.jerolba.carpet.model.FieldType;
import com.jerolba.carpet.model.FieldTypes;
import com.jerolba.carpet.model.WriteRecordModelType;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;

/** Apache Parquet, in row groups small enough that memory does not grow with the file. */
final class ParquetFile implements Sink {
    private static final long ROW_GROUP_BYTES = 16L * 1024 * 1024;
    private static final int PAGE_BYTES = 1024 * 1024;

    private final CarpetWriter<Object> writer;

    @SuppressWarnings("unchecked")
    ParquetFile(OutputStream out, Class<?> row) throws IOException {
        writer = new CarpetWriter.Builder<>(new Unclosed(out), (Class<Object>) row)
                .withWriteRecordModel((WriteRecordModelType<Object>) columns(row))
                .withCompressionCodec(CompressionCodecName.SNAPPY)
                .withRowGroupSize(ROW_GROUP_BYTES)
                .withPageSize(PAGE_BYTES)
                // Sizes are looked at after so many rows: a few long texts must not wait for the usual hundred.
                .withMinRowCountForPageSizeCheck(4)
                .build();
    }

    /** Said here, and not found out by the library: it could not where class loaders are several, as in tests. */
    private static <T> WriteRecordModelType<T> columns(Class<T> row) {
        WriteRecordModelType<T> columns = FieldTypes.writeRecordModel(row);
        for (RecordComponent component : row.getRecordComponents()) {
            columns.withField(
                    Rows.name(component), type(component.getGenericType()), each -> Rows.value(each, component));
        }
        return columns;
    }

    private static FieldType type(Type type) {
        if (type instanceof ParameterizedType list) {
            return FieldTypes.LIST.ofType(type(list.getActualTypeArguments()[0]));
        }
        if (type == String.class) {
            return FieldTypes.STRING;
        }
        if (type == double.class) {
            return FieldTypes.DOUBLE;
        }
        if (type == boolean.class) {
            return FieldTypes.BOOLEAN;
        }
        if (type == Integer.class) {
            return FieldTypes.INTEGER;
        }
        return columns((Class<?>) type);
    }

    @Override
    public void write(Record row) throws IOException {
        writer.write(row);
    }

    @Override
    public void finish() throws IOException {
        writer.close();
    }

    /** The end of the file is not the end of the response. */
    private static final class Unclosed extends FilterOutputStream {
        Unclosed(OutputStream out) {
            super(out);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            out.write(bytes, offset, length);
        }

        @Override
        public void close() throws IOException {
            flush();
        }
    }
}
