create index idempotent_answer_age on idempotent_answer (created_at);
