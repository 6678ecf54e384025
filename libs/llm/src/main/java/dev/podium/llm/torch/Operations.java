package dev.podium.llm.torch;

import static java.nio.charset.StandardCharsets.UTF_8;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Fused operations that DJL's arrays lack, as TorchScript text ({@code operations.txt}) with a model's sizes written into
 * it. The archive that the engine loads is a zip of that text and three tiny files; no Python is involved.
 */
public final class Operations implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Operations.class);
    private static final String METHOD = "module_method:";

    // Pickles of an object `Operations` with `training = True`, and of an empty tuple.
    private static final byte[] DATA = concat(
            new byte[] {(byte) 0x80, 2},
            "c__torch__\nOperations\n".getBytes(UTF_8),
            new byte[] {'q', 0, ')', (byte) 0x81, '}', '(', 'X', 8, 0, 0, 0},
            "training".getBytes(UTF_8),
            new byte[] {'q', 1, (byte) 0x88, 'u', 'b', 'q', 2, '.'});
    private static final byte[] CONSTANTS = {(byte) 0x80, 2, ')', '.'};

    private final NDManager manager;
    private final PtSymbolBlock block;
    private final Map<String, NDArray> methods = new HashMap<>();

    private Operations(NDManager manager, PtSymbolBlock block) {
        this.manager = manager;
        this.block = block;
    }

    /**
     * What the operations need to know of a model.
     *
     * @param narrowProducts whether a bfloat16 weight is multiplied as it is, with inputs and results rounded to bfloat16, instead of
     *     being widened to float32 first
     */
    public record Sizes(int heads, int keyValueHeads, int headSize, double normEpsilon, boolean narrowProducts) {}

    /** Compiles the operations for a model's sizes. */
    public static Operations compile(TorchRuntime runtime, Sizes sizes) {
        if (!runtime.device().isGpu()) {
            try {
                return compile(runtime, sizes, Packing.ONE_DNN);
            } catch (EngineException e) {
                LOG.info("The engine has no oneDNN; weights for sampling are not packed ({})", e.getMessage());
            }
        }
        return compile(runtime, sizes, Packing.NONE);
    }

    private static Operations compile(TorchRuntime runtime, Sizes sizes, Packing packing) {
        NDManager manager = runtime.root().newSubManager();
        try {
            PtSymbolBlock block = JniUtils.loadModule(
                    (PtNDManager) manager, new ByteArrayInputStream(archive(text(sizes, packing))), false, false);
            return new Operations(manager, block);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** How a frozen weight is laid out for products with few rows; what oneDNN packs only oneDNN can read. */
    private enum Packing {
        ONE_DNN(
                "ops.mkldnn._reorder_linear_weight(w, int(rows))",
                "ops.mkldnn._linear_pointwise(x, w, None, \"none\", annotate(List[Optional[number]], []), \"\")"),
        NONE("torch.contiguous(w)", "torch.linear(x, w)");

        private final String weight;
        private final String linear;

        Packing(String weight, String linear) {
            this.weight = weight;
            this.linear = linear;
        }
    }

    private static String text(Sizes sizes, Packing packing) throws IOException {
        try (InputStream in = Operations.class.getResourceAsStream("operations.txt")) {
            if (in == null) {
                throw new IOException("operations.txt is missing from the class path");
            }
            return new String(in.readAllBytes(), UTF_8)
                    .replace("$EPS", Double.toString(sizes.normEpsilon()).replace("E", "e"))
                    .replace("$SIXTEEN_BITS", sizes.narrowProducts() ? "halves" : "widen")
                    .replace("$PACKED_WEIGHT", packing.weight)
                    .replace("$PACKED_LINEAR", packing.linear)
                    .replace("$SCALE", Double.toString(1 / Math.sqrt(sizes.headSize())))
                    .replace("$ALLHEADS", Integer.toString(sizes.heads() + 2 * sizes.keyValueHeads()))
                    .replace("$TURNED", Integer.toString(sizes.heads() + sizes.keyValueHeads()))
                    .replace("$GROUPS", Integer.toString(sizes.heads() / sizes.keyValueHeads()))
                    .replace("$KVHEADS", Integer.toString(sizes.keyValueHeads()))
                    .replace("$HEADS", Integer.toString(sizes.heads()))
                    .replace("$HEAD", Integer.toString(sizes.headSize()))
                    .replace("$ATTENTION", Integer.toString(sizes.heads() * sizes.headSize()));
        }
    }

    private static byte[] archive(String code) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            store(zip, "podium/data.pkl", DATA);
            store(zip, "podium/code/__torch__.py", code.getBytes(UTF_8));
            store(zip, "podium/constants.pkl", CONSTANTS);
            store(zip, "podium/version", "3\n".getBytes(UTF_8));
        }
        return bytes.toByteArray();
    }

    private static void store(ZipOutputStream zip, String name, byte[] content) throws IOException {
        ZipEntry entry = new ZipEntry(name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.length);
        CRC32 crc = new CRC32();
        crc.update(content);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }

    private static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    /** A named list argument. */
    public record ListArgument(String name, List<NDArray> arrays) {}

    /** Calls an operation with plain arguments and returns its first result. */
    public NDArray call(String method, NDArray... arguments) {
        return callLists(method, List.of(arguments), List.of()).head();
    }

    /** Calls an operation whose plain arguments come first and list arguments after them. */
    public NDList callLists(String method, List<NDArray> plain, List<ListArgument> lists) {
        NDList inputs = new NDList();
        inputs.add(methodName(method));
        for (NDArray argument : plain) {
            argument.setName(null);
            inputs.add(argument);
        }
        for (ListArgument list : lists) {
            String name = list.name() + "[]";
            for (NDArray array : list.arrays()) {
                array.setName(name);
                inputs.add(array);
            }
        }
        // Always in training mode: the other mode makes arrays that fail in a later backward pass.
        return IValueUtils.forward(block, inputs, true);
    }

    private NDArray methodName(String method) {
        return methods.computeIfAbsent(method, name -> {
            NDArray array = manager.create(0f);
            array.setName(METHOD + name);
            ai.djl.ndarray.NDScope.unregister(array);
            return array;
        });
    }

    @Override
    public void close() {
        block.close();
        manager.close();
    }
}
