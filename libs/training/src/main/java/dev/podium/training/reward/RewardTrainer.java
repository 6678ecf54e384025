package dev.podium.training.reward;

import ai.djl.ndarray.NDArray;
import dev.podium.contracts.AdapterManifest;
import dev.podium.contracts.Evaluation;
import dev.podium.contracts.RoundConfig;
import dev.podium.llm.lora.LoraAdapter;
import dev.podium.llm.lora.PeftFolder;
import dev.podium.llm.lora.ScalarHead;
import dev.podium.llm.model.CausalLM;
import dev.podium.llm.optim.AdamW;
import dev.podium.llm.torch.GradientMode;
import dev.podium.llm.torch.TensorScope;
import dev.podium.training.batch.MicroBatches;
import dev.podium.training.batch.PairBatch;
import dev.podium.training.batch.PromptTokenizer;
import dev.podium.training.batch.Seeds;
import dev.podium.training.batch.StepPlan;
import dev.podium.training.batch.TaskTokens;
import dev.podium.training.batch.TokenizedTasks;
import dev.podium.training.checkpoint.Checkpoints;
import dev.podium.training.loop.LearningRate;
import dev.podium.training.loop.LossCurve;
import dev.podium.training.loop.PublishRule;
import dev.podium.training.loop.RoundStart;
import dev.podium.training.loop.StepGuard;
import dev.podium.training.loop.StepReporter;
import dev.podium.training.loop.Throughput;
import dev.podium.training.round.RoundCancelled;
import dev.podium.training.round.RoundContext;
import dev.podium.training.round.RoundFailure;
import dev.podium.training.round.RoundResult;
import dev.podium.training.round.Trainer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * Trains a reward model. All pairs of a task are one element of a batch, as in InstructGPT: each output goes through the
 * model once, and its reward is in all of its pairs. An ensemble's members are trained one after the other, each from an
 * adapter and a head of its own and on an order of the tasks of its own.
 */
public final class RewardTrainer implements Trainer {
    private static final long HEAD_STREAM = 102;
    private static final long MEMBER_STREAM = 200;

    @Override
    public RoundResult train(RoundContext context) throws RoundFailure, RoundCancelled {
        RoundConfig.Reward config = (RoundConfig.Reward) context.command().config();
        RoundConfig.Training training = config.training();
        PromptTokenizer tokenizer = new PromptTokenizer(context.base(), training.maxLengthTokens());
        TokenizedTasks train = tokenizer.tokenize(context.data().train(), task -> usable(config, task));
        TokenizedTasks heldOut = tokenizer.tokenize(context.data().heldOut());
        RoundStart.requirePairs(train);
        RewardObjective objective = RewardObjective.of(config, RewardObjective.tieShare(train.tasks()));
        StepPlan plan =
                StepPlan.ofEpochs(train.tasks().size(), training.batchTasks(), training.epochs(), config.seed());

        List<Member> members = new ArrayList<>();
        try {
            List<LossCurve> curves = new ArrayList<>();
            List<Integer> starts = new ArrayList<>();
            for (int m = 0; m < config.members(); m++) {
                Member member = Member.start(context, config, m);
                members.add(member);
                LossCurve curve = new LossCurve();
                curves.add(curve);
                starts.add(
                        member.checkpoints().resume(member.model().parameters(), List.of(member.optimizer()), curve));
            }
            int total = config.members() * plan.totalSteps();
            int done = starts.stream().mapToInt(Integer::intValue).sum();
            if (starts.getFirst() == 0) {
                RewardEvaluation.of(members.getFirst().model(), heldOut.tasks())
                        .ifPresent(before -> curves.getFirst().note("heldout_accuracy_before", before.accuracy()));
            }
            RoundStart.report(
                    context,
                    members.stream()
                            .flatMap(m -> m.model().parameters().stream())
                            .toList(),
                    RoundStart.info(context, train, heldOut),
                    done,
                    total);
            StepReporter reporter = new StepReporter(context.reporter(), done, total, System::nanoTime);
            Loop loop = new Loop(context, config, objective, train, reporter);
            for (int m = 0; m < members.size(); m++) {
                StepPlan own = new StepPlan(plan.elements(), plan.batch(), plan.totalSteps(), memberSeed(config, m));
                loop.run(members.get(m), own, starts.get(m), curves.get(m), m * plan.totalSteps());
            }

            Map<String, Double> metrics = new LinkedHashMap<>(curves.getFirst().notes());
            metrics.put("steps", (double) total);
            metrics.put("train_pairs", (double) train.pairs());
            metrics.put("heldout_pairs", (double) heldOut.pairs());
            metrics.put("loss_first", curves.getFirst().first());
            metrics.put("loss_last", curves.getFirst().last());
            for (LossCurve curve : curves) {
                new StepGuard(context.reporter(), training, curve)
                        .metrics()
                        .forEach((name, value) -> metrics.merge(name, value, Double::sum));
            }
            return finish(context, members.stream().map(Member::model).toList(), train, heldOut, metrics);
        } finally {
            members.forEach(Member::close);
        }
    }

    /** Rankings and ties teach where no pair is decided, too. */
    private static boolean usable(RoundConfig.Reward config, TaskTokens task) {
        return !task.pairs().isEmpty()
                || config.loss().equals("davidson") && !task.ties().isEmpty();
    }

    /** The first member has the round's own seed: an ensemble of one is the same as none. */
    private static long memberSeed(RoundConfig.Reward config, int member) {
        return member == 0 ? config.seed() : Seeds.mix(config.seed(), MEMBER_STREAM + member);
    }

    /** A model of the ensemble with what its training needs. */
    private record Member(RewardModel model, AdamW optimizer, Checkpoints checkpoints) implements AutoCloseable {
        static Member start(RoundContext context, RoundConfig.Reward config, int number) {
            long seed = memberSeed(config, number);
            LoraAdapter adapter = RoundStart.newAdapter(context.model(), config.lora(), seed);
            ScalarHead head =
                    ScalarHead.initialise(context.model(), new SplittableRandom(Seeds.mix(seed, HEAD_STREAM)));
            head.requireGradients(true);
            RewardModel model = new RewardModel(context.model(), adapter, head, 1, 0);
            Path folder = number == 0 ? context.workDir() : context.workDir().resolve("member-" + number);
            return new Member(model, new AdamW(context.model(), model.parameters()), new Checkpoints(folder));
        }

        @Override
        public void close() {
            optimizer.close();
            model.close();
        }
    }

    /** The steps of a member. */
    private record Loop(
            RoundContext context,
            RoundConfig.Reward config,
            RewardObjective objective,
            TokenizedTasks train,
            StepReporter reporter) {

        void run(Member member, StepPlan plan, int start, LossCurve curve, int stepsBefore)
                throws RoundFailure, RoundCancelled {
            RoundConfig.Training training = config.training();
            CausalLM base = context.model();
            RewardModel model = member.model();
            int maxTokens = MicroBatches.tokens(base.config());
            Throughput throughput = new Throughput(base, model.parameters());
            StepGuard guard = new StepGuard(context.reporter(), training, curve);
            for (int step = start; step < plan.totalSteps(); step++) {
                context.checkCancelled(stepsBefore + step);
                throughput.start();
                List<TaskTokens> batch = RoundStart.take(train.tasks(), plan.indexes(step));
                double batchWeight = objective.weight(batch);
                RewardStatistics statistics = new RewardStatistics();
                double loss = 0;
                for (List<TaskTokens> part : MicroBatches.ofTasks(batch, maxTokens)) {
                    try (TensorScope scope = new TensorScope();
                            GradientMode gradients = GradientMode.on()) {
                        PairBatch pairs = PairBatch.of(base, part);
                        NDArray rewards = model.raw(pairs.outputs());
                        NDArray partLoss = objective.loss(base, pairs, rewards, batchWeight);
                        GradientMode.backward(partLoss);
                        loss += partLoss.getFloat();
                        statistics.add(rewards.toFloatArray(), part);
                        curve.addTokens(pairs.tokens());
                        throughput.trained(pairs.outputs().sequences(), false);
                    }
                }
                double rate = LearningRate.at(training, step, plan.totalSteps());
                double gradientNorm = guard.step(member.optimizer(), rate, loss, stepsBefore + step);
                Map<String, Double> metrics = statistics.metrics();
                metrics.put("loss", loss);
                metrics.put("grad_norm", gradientNorm);
                metrics.put("lr", rate);
                metrics.put("epoch", plan.epoch(step + 1));
                metrics.put("num_tokens", (double) curve.tokens());
                metrics.putAll(guard.metrics());
                metrics.putAll(throughput.metrics());
                reporter.step(stepsBefore + step + 1, metrics);
                // An ensemble keeps each member whole when it is done: the next ones take as long again.
                boolean last = step + 1 == plan.totalSteps();
                if (last ? config.members() > 1 : (step + 1) % training.checkpointSteps() == 0) {
                    member.checkpoints().save(step + 1, model.parameters(), List.of(member.optimizer()), curve);
                    context.reporter().checkpointed(stepsBefore + step + 1);
                }
            }
        }
    }

    /** Evaluates on the held-out tasks, normalises by them (by the training tasks where there are none), and writes. */
    private static RoundResult finish(
            RoundContext context,
            List<RewardModel> members,
            TokenizedTasks train,
            TokenizedTasks heldOut,
            Map<String, Double> metrics) {
        List<TaskTokens> basis = heldOut.tasks().isEmpty() ? train.tasks() : heldOut.tasks();
        List<RewardModel> normalised = new ArrayList<>();
        for (RewardModel member : members) {
            RewardEvaluation own = RewardEvaluation.of(member, basis).orElseThrow();
            double gain = 1 / Math.max(own.rewardDeviation(), 1e-6);
            normalised.add(
                    new RewardModel(member.base(), member.adapter(), member.head(), gain, -own.rewardMean() * gain));
        }
        // One model is judged by its raw rewards, whose scale its loss gave meaning; several by what they say together.
        Optional<RewardEvaluation> evaluation = members.size() == 1
                ? RewardEvaluation.of(members.getFirst(), heldOut.tasks())
                : RewardEvaluation.of(new RewardEnsemble(normalised), heldOut.tasks());
        evaluation.ifPresent(found -> metrics.putAll(found.metrics()));
        if (members.size() > 1) {
            metrics.put("members", (double) members.size());
        }
        Optional<Evaluation.Verdict> verdict = verdict(context, metrics);
        RewardModel first = normalised.getFirst();
        RoundResult.TrainedAdapter written = RoundStart.write(context, first.adapter(), Optional.of(first.head()));
        if (members.size() > 1) {
            writeOthers(written.folder(), normalised);
        }
        return new RoundResult(
                Optional.of(new RoundResult.TrainedAdapter(
                        written.folder(),
                        AdapterManifest.Kind.REWARD,
                        written.lora(),
                        Optional.of(first.gain()),
                        Optional.of(first.bias()))),
                StepReporter.finite(metrics),
                Optional.of(TokenizedTasks.ids(train, heldOut)),
                evaluation.map(found -> found.tables(verdict)).or(() -> verdict.map(Evaluation::of)));
    }

    private static Optional<Evaluation.Verdict> verdict(RoundContext context, Map<String, Double> metrics) {
        RoundConfig.Reward config = (RoundConfig.Reward) context.command().config();
        return PublishRule.accuracy(
                        config.training(),
                        RewardEvaluation.ACCURACY,
                        metrics.getOrDefault("heldout_accuracy_before", Double.NaN),
                        metrics.getOrDefault(RewardEvaluation.ACCURACY, Double.NaN),
                        (int) (double) metrics.getOrDefault("heldout_pairs", 0.0),
                        config.minAccuracy())
                .verdict();
    }

    private static void writeOthers(Path folder, List<RewardModel> members) {
        try {
            for (int m = 1; m < members.size(); m++) {
                PeftFolder.write(
                        folder,
                        m,
                        members.get(m).adapter(),
                        Optional.of(members.get(m).head()));
            }
            RewardEnsemble.describe(
                    folder,
                    members.stream().map(RewardModel::gain).toList(),
                    members.stream().map(RewardModel::bias).toList());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write the ensemble in " + folder, e);
        }
    }
}
