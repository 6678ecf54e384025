package dev.podium.llm.model;

import ai.djl.ndarray.NDArray;

/** A trainable array and the name under which files know it. */
public record NamedParameter(String name, NDArray array) {}
