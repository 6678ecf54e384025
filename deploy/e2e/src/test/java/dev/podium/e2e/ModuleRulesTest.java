package dev.podium.e2e;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchRule;
import dev.podium.local.stack.Installation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Dependencies point downwards only; applications meet in Kafka. */
class ModuleRulesTest {
    private static final List<String> MODULES = List.of(
            "libs/contracts",
            "libs/llm",
            "libs/training",
            "libs/adapter-client",
            "libs/object-store",
            "deploy/sidecar",
            "deploy/embedded",
            "deploy/local",
            "feedback-api",
            "ranking-stream",
            "reward-trainer",
            "policy-trainer");
    private static final List<String> APPLICATIONS = List.of(
            "dev.podium.feedback..",
            "dev.podium.rankingstream..",
            "dev.podium.rewardtrainer..",
            "dev.podium.policytrainer..");

    private static JavaClasses all = new ClassFileImporter().importPaths(List.of());

    @BeforeAll
    static void importModules() throws Exception {
        Path root = Installation.find().root();
        List<Path> folders = new ArrayList<>();
        for (String module : MODULES) {
            Path classes = root.resolve(module).resolve("target/classes");
            assertTrue(Files.isDirectory(classes), module + " is not built; run ./mvnw verify from the root");
            folders.add(classes);
        }
        all = new ClassFileImporter().importPaths(folders);
    }

    @Test
    void contractsDependOnNothingOfOurs() {
        check(noClasses()
                .that()
                .resideInAPackage("dev.podium.contracts..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(others("dev.podium.contracts..")));
    }

    @Test
    void languageModelKnowsNoKafkaAndNothingElseOfOurs() {
        check(noClasses()
                .that()
                .resideInAPackage("dev.podium.llm..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.apache.kafka..", "io.quarkus..", "dev.podium.contracts.."));
        check(noClasses()
                .that()
                .resideInAPackage("dev.podium.llm..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(others("dev.podium.llm..")));
    }

    @Test
    void trainingKnowsNoQuarkus() {
        check(noClasses()
                .that()
                .resideInAnyPackage("dev.podium.training..", "dev.podium.adapterclient..", "dev.podium.sidecar..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.quarkus..", "jakarta.enterprise..", "jakarta.inject.."));
    }

    @Test
    void theAdapterClientCarriesNoSdk() {
        check(noClasses()
                .that()
                .resideInAnyPackage("dev.podium.adapterclient..", "dev.podium.contracts..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("software.amazon..", "dev.podium.objectstore.."));
    }

    @Test
    void librariesDependOnNoApplicationAndNoDeployment() {
        check(noClasses()
                .that()
                .resideInAnyPackage(
                        "dev.podium.contracts..",
                        "dev.podium.llm..",
                        "dev.podium.training..",
                        "dev.podium.adapterclient..",
                        "dev.podium.objectstore..",
                        "dev.podium.embedded..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(Stream.concat(APPLICATIONS.stream(), Stream.of("dev.podium.local.."))
                        .toArray(String[]::new)));
    }

    @Test
    void noApplicationDependsOnAnother() {
        for (String application : APPLICATIONS) {
            check(noClasses()
                    .that()
                    .resideInAPackage(application)
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(APPLICATIONS.stream()
                            .filter(other -> !other.equals(application))
                            .toArray(String[]::new)));
        }
    }

    @Test
    void applicationsKnowNothingOfTheEmbeddedServers() {
        check(noClasses()
                .that()
                .resideInAnyPackage(APPLICATIONS.toArray(String[]::new))
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.podium.embedded..", "dev.podium.local.."));
    }

    @Test
    void feedbackApiAndRankingStreamKnowNoEngine() {
        check(noClasses()
                .that()
                .resideInAnyPackage("dev.podium.feedback..", "dev.podium.rankingstream..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("ai.djl..", "dev.podium.llm..", "dev.podium.training.."));
    }

    /** Such a number is read again in the backward pass, when its memory may be gone; {@code Numbers} keeps it. */
    @Test
    void noNumberOfAGraphLivesInMemoryOfTheJvm() {
        check(noClasses()
                .that()
                .resideInAPackage("dev.podium..")
                .should()
                .callMethodWhere(new DescribedPredicate<>("the engine makes an array of a number for one operation") {
                    @Override
                    public boolean test(JavaMethodCall call) {
                        boolean takesNumber = call.getTarget().getRawParameterTypes().stream()
                                .anyMatch(type -> type.isEquivalentTo(Number.class));
                        // clip leaves its bounds to the scope.
                        return takesNumber
                                && call.getTargetOwner().getFullName().equals("ai.djl.ndarray.NDArray")
                                && !call.getTarget().getName().equals("clip");
                    }
                }));
    }

    @Test
    void theCheckerSharesNoCodeWithWhatItChecks() {
        check(noClasses()
                .that()
                .resideInAPackage("dev.podium.local.check..")
                .should()
                .dependOnClassesThat(JavaClass.Predicates.resideInAPackage("dev.podium..")
                        .and(DescribedPredicate.not(
                                JavaClass.Predicates.resideInAPackage("dev.podium.local.check..")))));
    }

    @Test
    void packagesHaveNoCatchAllNames() {
        check(classes()
                .should()
                .resideOutsideOfPackages("..util..", "..common..", "..impl..", "..dto..", "..service.impl.."));
    }

    @Test
    void everyPackageIsNullMarkedAndSaysWhyItExists() throws Exception {
        Path root = Installation.find().root();
        List<String> unmarked = new ArrayList<>();
        for (String module : MODULES) {
            Path sources = root.resolve(module).resolve("src/main/java");
            if (!Files.isDirectory(sources)) {
                continue;
            }
            try (Stream<Path> folders = Files.walk(sources)) {
                for (Path folder : folders.filter(Files::isDirectory).toList()) {
                    if (holdsClasses(folder) && !isMarked(folder.resolve("package-info.java"))) {
                        unmarked.add(root.relativize(folder).toString());
                    }
                }
            }
        }
        assertEquals(List.of(), unmarked, "packages without a @" + NullMarked.class.getSimpleName() + " package-info");
    }

    private static boolean holdsClasses(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.anyMatch(file -> file.toString().endsWith(".java"));
        }
    }

    private static boolean isMarked(Path packageInfo) throws IOException {
        if (!Files.exists(packageInfo)) {
            return false;
        }
        String text = Files.readString(packageInfo);
        return text.contains("@NullMarked") && text.contains("/**");
    }

    private static String[] others(String own) {
        return Stream.concat(
                        APPLICATIONS.stream(),
                        Stream.of(
                                "dev.podium.contracts..",
                                "dev.podium.llm..",
                                "dev.podium.training..",
                                "dev.podium.adapterclient..",
                                "dev.podium.objectstore..",
                                "dev.podium.sidecar..",
                                "dev.podium.embedded..",
                                "dev.podium.local.."))
                .filter(name -> !name.equals(own))
                .toArray(String[]::new);
    }

    private static void check(ArchRule rule) {
        // A module whose classes are still to come breaks no rule.
        rule.allowEmptyShould(true).check(all);
    }
}
