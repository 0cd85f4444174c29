{{/* Names are those of the runbook, whatever the release is called. */}}
{{- define "a2a.labels" -}}
app: a2a-mcp
app.kubernetes.io/name: a2a-mcp
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Of what is not a server pod: `kubectl logs -l app=a2a-mcp` must find servers only. */}}
{{- define "a2a.otherLabels" -}}
app: {{ .component }}
app.kubernetes.io/name: a2a-mcp
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "a2a.selector" -}}
app: a2a-mcp
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "a2a.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "a2a.secretName" -}}
{{ .Values.secrets.existingSecret | default "a2a-mcp-secrets" }}
{{- end }}

{{/* A value that was made once stays. Arguments: root, secret, key, value. */}}
{{- define "a2a.kept" -}}
{{- $secret := lookup "v1" "Secret" .root.Release.Namespace .secret -}}
{{- if and $secret (hasKey ($secret.data | default dict) .key) -}}
{{ index $secret.data .key | b64dec }}
{{- else -}}
{{ .value }}
{{- end -}}
{{- end }}

{{- define "a2a.isScaled" -}}
{{- if and .Values.autoscaling.enabled (ne .Values.database.mode "embedded") }}yes{{ end }}
{{- end }}

{{- define "a2a.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "a2a.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* How to reach the database: for the server, and as psql and pg_dump know it. */}}
{{- define "a2a.databaseEnv" -}}
{{- $external := .Values.database.external -}}
{{- $isBundled := eq .Values.database.mode "bundled" -}}
{{- $names := dict "HOST" (ternary "postgres" $external.host $isBundled) "PORT" (ternary "5432" (toString $external.port) $isBundled) "DATABASE" (ternary "a2a_mcp" $external.database $isBundled) "USER" (ternary "postgres" $external.user $isBundled) -}}
{{- range $name, $value := $names }}
- name: POSTGRES_{{ $name | replace "DATABASE" "DB" }}
  value: {{ $value | quote }}
- name: PG{{ $name }}
  value: {{ $value | quote }}
{{- end }}
- name: POSTGRES_SSLMODE
  value: {{ ternary "disable" $external.sslMode $isBundled }}
- name: PGSSLMODE
  value: {{ ternary "disable" $external.sslMode $isBundled }}
{{- range list "POSTGRES_PASSWORD" "PGPASSWORD" }}
- name: {{ . }}
  valueFrom:
    secretKeyRef:
      name: {{ ternary "postgres" $external.existingSecret $isBundled }}
      key: {{ ternary "password" $external.passwordKey $isBundled }}
{{- end }}
{{- end }}
