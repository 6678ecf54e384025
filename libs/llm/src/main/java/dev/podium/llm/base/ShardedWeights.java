package dev.podium.llm.base;

import dev.podium.llm.files.ModelFileException;
import dev.podium.llm.files.SafetensorsFile;
import dev.podium.llm.files.TensorSource;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Several safetensors files as one source. */
final class ShardedWeights implements TensorSource {
    private final List<SafetensorsFile> files = new ArrayList<>();
    private final Map<String, SafetensorsFile> byName = new LinkedHashMap<>();

    static ShardedWeights open(List<Path> paths) {
        ShardedWeights all = new ShardedWeights();
        try {
            for (Path path : paths) {
                SafetensorsFile file = SafetensorsFile.open(path);
                all.files.add(file);
                for (String name : file.names()) {
                    if (all.byName.put(name, file) != null) {
                        throw new ModelFileException("tensor " + name + " stands in two files of " + path.getParent());
                    }
                }
            }
            return all;
        } catch (RuntimeException e) {
            all.close();
            throw e;
        }
    }

    private SafetensorsFile file(String name) {
        SafetensorsFile file = byName.get(name);
        if (file == null) {
            throw new ModelFileException("the weights have no tensor " + name);
        }
        return file;
    }

    @Override
    public Set<String> names() {
        return byName.keySet();
    }

    @Override
    public long[] shape(String name) {
        return file(name).shape(name);
    }

    @Override
    public FloatBuffer readFloat32(String name) {
        return file(name).readFloat32(name);
    }

    @Override
    public FloatBuffer readRows(String name, long first, long count) {
        return file(name).readRows(name, first, count);
    }

    @Override
    public void close() {
        files.forEach(SafetensorsFile::close);
    }
}
