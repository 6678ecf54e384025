package dev.podium.contracts;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Every event of version 1: its name in {@code ce_type}, and the type that readers ask for. */
final class EventTypes {
    /** What is read as one of several events. */
    private static final List<Class<?>> FAMILIES = List.of(RankingEvent.class, RoundCommand.class, RoundEvent.class);

    private static final List<Class<?>> SINGLE = List.of(
            Task.class,
            PreferenceSet.class,
            LabelerStatistics.class,
            ProjectTotals.class,
            LabelerReliability.class,
            TaskAdjudicated.class,
            SampleSet.class,
            AdapterManifest.class,
            ChannelPointer.class,
            AdapterLoad.class,
            DataSetLine.class);

    private EventTypes() {}

    /** Name to the type that is given to {@link EventJson#read}. */
    static Map<String, Class<?>> readAs() {
        Map<String, Class<?>> types = new LinkedHashMap<>();
        SINGLE.forEach(type -> types.put(type.getSimpleName(), type));
        FAMILIES.forEach(family ->
                Stream.of(family.getPermittedSubclasses()).forEach(type -> types.put(type.getSimpleName(), family)));
        return types;
    }

    /** Name to the record itself. */
    static Map<String, Class<?>> records() {
        Map<String, Class<?>> types = new LinkedHashMap<>();
        SINGLE.forEach(type -> types.put(type.getSimpleName(), type));
        FAMILIES.forEach(family ->
                Stream.of(family.getPermittedSubclasses()).forEach(type -> types.put(type.getSimpleName(), type)));
        return types;
    }
}
