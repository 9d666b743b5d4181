{{/* Names and labels that all templates share. */}}
{{- define "operator.labels" -}}
app.kubernetes.io/name: raftkeeper-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "operator.selector" -}}
app.kubernetes.io/name: raftkeeper-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Roles that bind in all namespaces bear the release's namespace too, so that two releases do not collide. */}}
{{- define "operator.clusterName" -}}
{{ .Release.Name }}-{{ .Release.Namespace }}
{{- end }}

{{/* What the operator does in the namespaces of its clusters. A test plays a cluster's life with these rights
     alone, and finds each of them used. */}}
{{- define "operator.rules" -}}
- apiGroups: [raftkeeper.io]
  resources: [raftkeeperclusters]
  verbs: [get, list, watch, patch]
# Schedules make backups, and delete them by their retention.
- apiGroups: [raftkeeper.io]
  resources: [raftkeeperbackups]
  verbs: [get, list, watch, create, delete]
- apiGroups: [raftkeeper.io]
  resources: [raftkeeperbackupschedules]
  verbs: [list, watch]
- apiGroups: [raftkeeper.io]
  resources: [raftkeeperclusters/status, raftkeeperbackups/status, raftkeeperbackupschedules/status]
  verbs: [patch]
# Owner references with blockOwnerDeletion need it where the API server checks them.
- apiGroups: [raftkeeper.io]
  resources: [raftkeeperclusters/finalizers, raftkeeperbackups/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, update, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch, delete]
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, patch, delete]
# A server-side apply of what is not there needs create beside patch. What goes with the cluster is deleted by
# Kubernetes, as its owner's.
- apiGroups: [""]
  resources: [services, serviceaccounts]
  verbs: [get, list, create, patch]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, create, update, patch, delete]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, create, update]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, create, patch, delete]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [list, watch, create]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, create, patch, delete]
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: [get, list, create, patch, delete]
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors, prometheusrules]
  verbs: [get, list, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}

{{/* What it reads of Kubernetes itself. These belong to no namespace. */}}
{{- define "operator.clusterRules" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list]
- apiGroups: [""]
  resources: [persistentvolumes]
  verbs: [get]
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: [list]
{{- end }}
