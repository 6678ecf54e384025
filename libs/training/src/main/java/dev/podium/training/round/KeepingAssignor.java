package dev.podium.training.round;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Configurable;
import org.apache.kafka.common.TopicPartition;

/**
 * Spreads partitions as its parent does, but leaves with a trainer those that a round at work has come from: another
 * trainer, which joins, would have to begin such a round anew, or at its last checkpoint.
 *
 * <p>Each member says which they are behind what the parent says in its subscription: numbers of partitions, how many, and a
 * mark. The name is the parent's, whose data stands first: members that know nothing of this can be in the group, and lead it.
 */
public final class KeepingAssignor extends CooperativeStickyAssignor implements Configurable {
    /** Setting of the consumer: a supplier of partitions of the one topic that it reads. */
    static final String AT_WORK = "podium.partitions.at.work";

    private static final int MARK = 0x504f4457;

    private Supplier<Set<Integer>> atWork = Set::of;

    @Override
    @SuppressWarnings("unchecked")
    public void configure(Map<String, ?> settings) {
        if (settings.get(AT_WORK) instanceof Supplier<?> supplier) {
            atWork = (Supplier<Set<Integer>>) supplier;
        }
    }

    @Override
    public ByteBuffer subscriptionUserData(Set<String> topics) {
        ByteBuffer parents = super.subscriptionUserData(topics).duplicate();
        Set<Integer> kept = new TreeSet<>(atWork.get());
        ByteBuffer all = ByteBuffer.allocate(parents.remaining() + Integer.BYTES * (kept.size() + 2));
        all.put(parents);
        kept.forEach(all::putInt);
        return all.putInt(kept.size()).putInt(MARK).flip();
    }

    @Override
    public GroupAssignment assign(Cluster metadata, GroupSubscription group) {
        Map<TopicPartition, String> kept = kept(group.groupSubscription());
        Map<String, Assignment> spread = super.assign(metadata, group).groupAssignment();
        Map<String, Assignment> all = new HashMap<>();
        spread.forEach((member, assignment) -> {
            List<TopicPartition> own = new ArrayList<>(assignment.partitions());
            own.removeIf(partition -> !kept.getOrDefault(partition, member).equals(member));
            kept.forEach((partition, keeper) -> {
                if (keeper.equals(member) && !own.contains(partition)) {
                    own.add(partition);
                }
            });
            all.put(member, new Assignment(own, assignment.userData()));
        });
        return new GroupAssignment(all);
    }

    /** By partition who owns it and is at work on it; of two who claim to own it the one of the later generation. */
    private static Map<TopicPartition, String> kept(Map<String, Subscription> group) {
        Map<TopicPartition, String> owners = new HashMap<>();
        group.forEach((member, subscription) -> {
            for (TopicPartition partition : subscription.ownedPartitions()) {
                owners.merge(
                        partition,
                        member,
                        (one, other) -> generation(group, one) >= generation(group, other) ? one : other);
            }
        });
        Map<TopicPartition, String> kept = new HashMap<>();
        group.forEach((member, subscription) -> {
            Set<Integer> working = atWork(subscription);
            owners.forEach((partition, owner) -> {
                if (owner.equals(member) && working.contains(partition.partition())) {
                    kept.put(partition, member);
                }
            });
        });
        return kept;
    }

    private static int generation(Map<String, Subscription> group, String member) {
        Subscription subscription = group.get(member);
        return subscription == null ? -1 : subscription.generationId().orElse(-1);
    }

    private static Set<Integer> atWork(Subscription subscription) {
        ByteBuffer data = subscription.userData();
        Set<Integer> partitions = new TreeSet<>();
        if (data == null || data.limit() < 2 * Integer.BYTES || data.getInt(data.limit() - Integer.BYTES) != MARK) {
            return partitions;
        }
        int count = data.getInt(data.limit() - 2 * Integer.BYTES);
        if (count > data.limit() / Integer.BYTES - 2) {
            // Another's data, or broken: the group is spread as if this member had said nothing.
            return partitions;
        }
        int from = data.limit() - Integer.BYTES * (2 + count);
        for (int i = 0; i < count; i++) {
            partitions.add(data.getInt(from + Integer.BYTES * i));
        }
        return partitions;
    }
}
