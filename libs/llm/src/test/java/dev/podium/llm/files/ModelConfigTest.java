package dev.podium.llm.files;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelConfigTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    "model_type":"gpt2"                                                  | model_type gpt2
                    "model_type":"llama","rope_scaling":{"rope_type":"llama3","factor":8}| rope_scaling.original_max_position_embeddings
                    "model_type":"llama","rope_scaling":{"type":"dynamic","factor":2}    | rope_scaling
                    "model_type":"llama","rope_parameters":{"rope_type":"linear"}        | rope_parameters.factor
                    "model_type":"llama","attention_bias":true                           | attention_bias
                    "model_type":"llama","mlp_bias":true                                 | mlp_bias
                    "model_type":"llama","hidden_act":"gelu"                             | hidden_act gelu
                    "model_type":"mistral","sliding_window":4096                         | sliding_window
                    "model_type":"mistral"                                               | sliding_window
                    "model_type":"llama","vocab_size":9,"hidden_size":8                  | intermediate_size
                    """)
    void whatIsNotBuiltIsRefusedByTheFieldsName(String fields, String reason) {
        byte[] json = ("{" + fields + "}").getBytes(UTF_8);
        String message = assertThrows(UnsupportedModelException.class, () -> ModelConfig.parse(json))
                .getMessage();
        assertTrue(message.contains(reason), message);
    }
}
