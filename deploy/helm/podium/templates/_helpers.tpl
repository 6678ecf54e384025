{{- define "podium.labels" -}}
app.kubernetes.io/part-of: podium
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Labels that never change: selectors are made of them. Argument: dict "name" NAME "root" $ */}}
{{- define "podium.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- define "podium.image" -}}
{{- if .override -}}
{{ .override }}
{{- else -}}
{{ required "image.repository: REGISTRY/PATH that ./podium images --push was given" .root.Values.image.repository }}/{{ .name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "podium.kafka.cluster" -}}
{{ .Release.Name }}-kafka
{{- end }}

{{- define "podium.kafka.bootstrap" -}}
{{- if .Values.kafka.strimzi.enabled -}}
{{ include "podium.kafka.cluster" . }}-kafka-bootstrap:{{ eq .Values.kafka.auth "none" | ternary "9092" "9093" }}
{{- else -}}
{{ required "kafka.bootstrapServers, or kafka.strimzi.enabled" .Values.kafka.bootstrapServers }}
{{- end -}}
{{- end }}

{{/* Name and pattern of a resource of Kafka: "x*" is a prefix; literal is the default. */}}
{{- define "podium.kafka.pattern" -}}
name: {{ trimSuffix "*" . | quote }}{{ if hasSuffix "*" . }}, patternType: prefix{{ end }}
{{- end }}

{{- define "podium.kafka.caSecret" -}}
{{- if .Values.kafka.strimzi.enabled -}}
{{ include "podium.kafka.cluster" . }}-cluster-ca-cert
{{- else -}}
{{ .Values.kafka.caSecret }}
{{- end -}}
{{- end }}

{{- define "podium.postgresql.secret" -}}
{{- if .Values.postgresql.cloudnativepg.enabled -}}
{{ .Release.Name }}-postgresql-app
{{- else -}}
{{ required "postgresql.existingSecret with keys username and password, or postgresql.cloudnativepg.enabled" .Values.postgresql.existingSecret }}
{{- end -}}
{{- end }}

{{- define "podium.postgresql.url" -}}
{{- if .Values.postgresql.cloudnativepg.enabled -}}
jdbc:postgresql://{{ .Release.Name }}-postgresql-rw:5432/podium
{{- else -}}
{{ required "postgresql.jdbcUrl, or postgresql.cloudnativepg.enabled" .Values.postgresql.jdbcUrl }}
{{- end -}}
{{- end }}

{{/* Environment that all applications share. Argument: dict "name" NAME "root" $ "app" VALUES-OF-THE-APPLICATION */}}
{{- define "podium.env" -}}
{{- $kafka := .root.Values.kafka -}}
- name: KAFKA_BOOTSTRAP_SERVERS
  value: {{ include "podium.kafka.bootstrap" .root | quote }}
- name: PODIUM_TOPICS_PARTITIONS
  value: {{ $kafka.topics.partitions | quote }}
- name: PODIUM_TOPICS_REPLICATION
  value: {{ $kafka.topics.replicas | quote }}
{{- if ne $kafka.auth "none" }}
- name: KAFKA_SECURITY_PROTOCOL
  value: SASL_SSL
{{- if include "podium.kafka.caSecret" .root }}
- name: KAFKA_SSL_TRUSTSTORE_TYPE
  value: PEM
- name: KAFKA_SSL_TRUSTSTORE_LOCATION
  value: /etc/podium/kafka-ca/ca.crt
{{- end }}
{{- end }}
{{- if eq $kafka.auth "scram" }}
- name: KAFKA_SASL_MECHANISM
  value: SCRAM-SHA-512
- name: KAFKA_SASL_JAAS_CONFIG
  valueFrom:
    secretKeyRef:
      {{- if $kafka.strimzi.enabled }}
      name: {{ .root.Release.Name }}-{{ .name }}
      {{- else }}
      name: {{ required "kafka.jaasSecret with key sasl.jaas.config" $kafka.jaasSecret }}
      {{- end }}
      key: sasl.jaas.config
{{- else if eq $kafka.auth "oauth" }}
- name: KAFKA_SASL_MECHANISM
  value: OAUTHBEARER
- name: KAFKA_SASL_LOGIN_CALLBACK_HANDLER_CLASS
  value: org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler
- name: KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL
  value: {{ required "kafka.oauth.tokenEndpoint" $kafka.oauth.tokenEndpoint | quote }}
# Kafka's clients ask the token endpoint of a URL only when it is allowed by name.
- name: JAVA_TOOL_OPTIONS
  value: -Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={{ $kafka.oauth.tokenEndpoint }}
- name: OAUTH_CLIENT_ID
  valueFrom:
    secretKeyRef:
      name: {{ required "kafka.oauth.existingSecret with keys client-id and client-secret" $kafka.oauth.existingSecret }}
      key: client-id
- name: OAUTH_CLIENT_SECRET
  valueFrom:
    secretKeyRef:
      name: {{ $kafka.oauth.existingSecret }}
      key: client-secret
- name: KAFKA_SASL_JAAS_CONFIG
  value: org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="$(OAUTH_CLIENT_ID)" clientSecret="$(OAUTH_CLIENT_SECRET)";
{{- else if ne $kafka.auth "none" }}
{{- fail (printf "kafka.auth is scram, oauth or none, not %s" $kafka.auth) }}
{{- end }}
{{- if .root.Values.observability.otlpEndpoint }}
- name: QUARKUS_OTEL_SDK_DISABLED
  value: "false"
- name: QUARKUS_OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .root.Values.observability.otlpEndpoint | quote }}
{{- end }}
{{- if ne .name "ranking-stream" }}
{{- if .root.Values.trustedKeys.existingConfigMap }}
- name: PODIUM_TRUSTED_KEYS_FILE
  value: /etc/podium/trusted-keys/trusted-keys
{{- end }}
{{- with .root.Values.store }}
{{- if .url }}
- name: PODIUM_STORE_URL
  value: {{ .url | quote }}
{{- if .endpoint }}
- name: PODIUM_STORE_ENDPOINT
  value: {{ .endpoint | quote }}
{{- end }}
{{- if .region }}
- name: PODIUM_STORE_REGION
  value: {{ .region | quote }}
{{- end }}
{{- if .existingSecret }}
- name: PODIUM_STORE_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef: {name: {{ .existingSecret }}, key: access-key-id}
- name: PODIUM_STORE_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef: {name: {{ .existingSecret }}, key: secret-access-key}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if include "podium.signingSecret" . }}
- name: PODIUM_SIGNING_KEY_FILE
  value: /etc/podium/signing/signing-key.pem
{{- end }}
{{- range $name, $value := merge (deepCopy (.app.extraEnv | default dict)) $kafka.extraEnv }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* The Secret of an application's signing key: trainers sign manifests, feedback-api signs channels. Argument as of podium.env */}}
{{- define "podium.signingSecret" -}}
{{- if hasSuffix "-trainer" .name }}{{ .root.Values.signing.existingSecret }}
{{- else if eq .name "feedback-api" }}{{ .root.Values.signing.pointersSecret }}
{{- end }}
{{- end }}

{{/* Whole Secrets and ConfigMaps as environment, for what has no value of its own. Argument as of podium.env */}}
{{- define "podium.envFrom" -}}
{{- with .app.extraEnvFrom }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Argument as of podium.env */}}
{{- define "podium.mounts" -}}
- name: tmp
  mountPath: /tmp
{{- if and (ne .root.Values.kafka.auth "none") (include "podium.kafka.caSecret" .root) }}
- name: kafka-ca
  mountPath: /etc/podium/kafka-ca
  readOnly: true
{{- end }}
{{- if and (ne .name "ranking-stream") .root.Values.trustedKeys.existingConfigMap }}
# The folder, not the file in it: a file that is mounted alone would never change.
- name: trusted-keys
  mountPath: /etc/podium/trusted-keys
  readOnly: true
{{- end }}
{{- if include "podium.signingSecret" . }}
- name: signing
  mountPath: /etc/podium/signing
  readOnly: true
{{- end }}
{{- with .app.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Argument as of podium.env */}}
{{- define "podium.volumes" -}}
- name: tmp
  emptyDir: {}
{{- if and (ne .root.Values.kafka.auth "none") (include "podium.kafka.caSecret" .root) }}
- name: kafka-ca
  secret:
    secretName: {{ include "podium.kafka.caSecret" .root }}
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- if and (ne .name "ranking-stream") .root.Values.trustedKeys.existingConfigMap }}
- name: trusted-keys
  configMap:
    name: {{ .root.Values.trustedKeys.existingConfigMap }}
    items:
      - key: trusted-keys
        path: trusted-keys
{{- end }}
{{- if include "podium.signingSecret" . }}
- name: signing
  secret:
    secretName: {{ include "podium.signingSecret" . }}
    defaultMode: 0440
    items:
      - key: signing-key.pem
        path: signing-key.pem
{{- end }}
{{- with .app.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "podium.probes" -}}
startupProbe:
  httpGet: {path: /q/health/live, port: http}
  periodSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /q/health/live, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /q/health/ready, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
{{- end }}

{{- define "podium.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}
