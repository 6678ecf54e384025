package dev.podium.llm.base;

import java.io.IOException;
import java.util.SortedMap;

/** What lies beside the weights of a model in Hugging Face's form: file names to contents. Read when it is asked for. */
public interface CompanionFiles {
    SortedMap<String, byte[]> read() throws IOException;
}
