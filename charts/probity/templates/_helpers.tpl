{{- define "probity.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "probity.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "probity.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "probity.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* What belongs to the whole cluster needs the namespace in its name: two releases may share a name. */}}
{{- define "probity.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "probity.fullname" .) }}
{{- end }}

{{- define "probity.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "probity.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "probity.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "probity.selector" -}}
app.kubernetes.io/name: {{ include "probity.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "probity.labels" -}}
{{ include "probity.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* The namespaces whose objects are watched, its own among them; nothing when it is the whole cluster. */}}
{{- define "probity.namespaces" -}}
{{- if .Values.namespaces }}
{{- append .Values.namespaces .Release.Namespace | uniq | sortAlpha | toJson }}
{{- else }}
{{- list | toJson }}
{{- end }}
{{- end }}

{{- define "probity.scheme" -}}
{{- if .Values.settings.tlsSecret }}HTTPS{{ else }}HTTP{{ end }}
{{- end }}

{{- /* The restricted Pod Security Standard, and a root filesystem that cannot be written. */}}
{{- define "probity.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "probity.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
