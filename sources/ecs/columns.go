package ecs

import "interdict/sources/frame"

// Column is the place of a field in a [Builder], and its name here.
type Column int

// The fields that events of ours are made of, with the types of Elastic
// Defend's mapping and of ECS 8.17. Times of processes are wall-clock dates;
// their identity is interdict.start_ticks.
const (
	// When and what.
	Timestamp Column = iota
	EventIngested
	EventCreated
	EventKind
	EventCategory
	EventType
	EventAction
	EventOutcome
	EventModule
	EventDataset
	EventSequence
	EventID
	DataStreamType
	DataStreamDataset
	DataStreamNamespace
	ECSVersion
	Message
	Tags
	LabelsEnvironment

	// Where.
	AgentID
	AgentType
	AgentVersion
	HostID
	HostName
	HostHostname
	HostIP
	HostArchitecture
	HostBootID
	HostPIDNamespace
	HostOSType
	HostOSName
	HostOSFull
	HostOSVersion
	HostOSKernel
	HostOSPlatform
	HostOSFamily

	// Who.
	UserID
	UserName
	GroupID
	GroupName
	UserEffectiveID
	UserEffectiveName

	// The process.
	ProcessPID
	ProcessEntityID
	ProcessName
	ProcessExecutable
	ProcessCommandLine
	ProcessArgs
	ProcessArgsCount
	ProcessWorkingDirectory
	ProcessStart
	ProcessEnd
	ProcessExitCode
	ProcessInteractive
	ProcessEnvVars
	ProcessTitle
	ProcessHashSHA256
	ProcessAncestry
	ProcessCommandLineTruncated
	ProcessTTYMajor
	ProcessTTYMinor
	ProcessUserID
	ProcessUserName
	ProcessRealUserID
	ProcessRealUserName
	ProcessThreadID

	// Its parent.
	ParentPID
	ParentEntityID
	ParentName
	ParentExecutable
	ParentCommandLine
	ParentArgs
	ParentArgsCount
	ParentWorkingDirectory
	ParentStart
	ParentInteractive
	ParentUserID
	ParentUserName

	// Its session.
	SessionLeaderPID
	SessionLeaderEntityID
	SessionLeaderName
	GroupLeaderPID
	EntryLeaderPID
	EntryLeaderEntityID
	EntryLeaderName
	EntryLeaderExecutable
	EntryMetaType
	EntryMetaSourceIP

	// Container and cluster.
	ContainerID
	ContainerName
	ContainerImageName
	ContainerImageTag
	OrchestratorClusterName
	OrchestratorNamespace
	OrchestratorResourceName
	OrchestratorResourceType
	CloudInstanceID
	CloudProvider

	// Network.
	SourceAddress
	SourceIP
	SourcePort
	SourceBytes
	DestinationAddress
	DestinationIP
	DestinationPort
	DestinationBytes
	DestinationDomain
	NetworkDirection
	NetworkTransport
	NetworkType
	NetworkBytes

	// Files.
	FilePath
	FileName
	FileDirectory
	FileExtension
	FileSize
	FileInode
	FileDevice
	FileUID
	FileMode
	FileHashSHA256
	FileOriginalPath

	// Alerts.
	RuleID
	RuleName
	RuleDescription
	AlertUUID
	AlertRuleName
	AlertSeverity
	AlertRiskScore
	AlertReason
	AlertWorkflowStatus

	// Ours: what ECS has no name for.
	StartTicks
	ParentStartTicks
	ProcessTool
	ProcessToolHow
	LoginUID
	AuditSession
	CgroupID
	CgroupPath
	Filename
	Interpreter
	ExecutableDevice
	ExecutableInode
	ExecutableLinks
	ExecutableCtime
	ExecutableMemfd
	ArgsBytes
	PIDNamespace
	MountNamespace
	NetworkNamespace
	ControlSocket
	Live

	// Daily counts, of which a row is what came to one of them since the row before.
	CountOf
	CountValue
	CountGroup
	CountRuns
	CountMost

	numColumns
)

var catalogue = [numColumns]frame.Field{
	Timestamp:                   {Name: "@timestamp", Type: frame.Date},
	EventIngested:               {Name: "event.ingested", Type: frame.Date},
	EventCreated:                {Name: "event.created", Type: frame.Date},
	EventKind:                   {Name: "event.kind", Type: frame.Keyword},
	EventCategory:               {Name: "event.category", Type: frame.Keyword},
	EventType:                   {Name: "event.type", Type: frame.Keyword},
	EventAction:                 {Name: "event.action", Type: frame.Keyword},
	EventOutcome:                {Name: "event.outcome", Type: frame.Keyword},
	EventModule:                 {Name: "event.module", Type: frame.Keyword},
	EventDataset:                {Name: "event.dataset", Type: frame.Keyword},
	EventSequence:               {Name: "event.sequence", Type: frame.Long},
	EventID:                     {Name: "event.id", Type: frame.Keyword},
	DataStreamType:              {Name: "data_stream.type", Type: frame.Keyword},
	DataStreamDataset:           {Name: "data_stream.dataset", Type: frame.Keyword},
	DataStreamNamespace:         {Name: "data_stream.namespace", Type: frame.Keyword},
	ECSVersion:                  {Name: "ecs.version", Type: frame.Keyword},
	Message:                     {Name: "message", Type: frame.Keyword},
	Tags:                        {Name: "tags", Type: frame.Keyword},
	LabelsEnvironment:           {Name: "labels.environment", Type: frame.Keyword},
	AgentID:                     {Name: "agent.id", Type: frame.Keyword},
	AgentType:                   {Name: "agent.type", Type: frame.Keyword},
	AgentVersion:                {Name: "agent.version", Type: frame.Keyword},
	HostID:                      {Name: "host.id", Type: frame.Keyword},
	HostName:                    {Name: "host.name", Type: frame.Keyword},
	HostHostname:                {Name: "host.hostname", Type: frame.Keyword},
	HostIP:                      {Name: "host.ip", Type: frame.IP},
	HostArchitecture:            {Name: "host.architecture", Type: frame.Keyword},
	HostBootID:                  {Name: "host.boot.id", Type: frame.Keyword},
	HostPIDNamespace:            {Name: "host.pid_ns_ino", Type: frame.Keyword},
	HostOSType:                  {Name: "host.os.type", Type: frame.Keyword},
	HostOSName:                  {Name: "host.os.name", Type: frame.Keyword},
	HostOSFull:                  {Name: "host.os.full", Type: frame.Keyword},
	HostOSVersion:               {Name: "host.os.version", Type: frame.Keyword},
	HostOSKernel:                {Name: "host.os.kernel", Type: frame.Keyword},
	HostOSPlatform:              {Name: "host.os.platform", Type: frame.Keyword},
	HostOSFamily:                {Name: "host.os.family", Type: frame.Keyword},
	UserID:                      {Name: "user.id", Type: frame.Keyword},
	UserName:                    {Name: "user.name", Type: frame.Keyword},
	GroupID:                     {Name: "group.id", Type: frame.Keyword},
	GroupName:                   {Name: "group.name", Type: frame.Keyword},
	UserEffectiveID:             {Name: "user.effective.id", Type: frame.Keyword},
	UserEffectiveName:           {Name: "user.effective.name", Type: frame.Keyword},
	ProcessPID:                  {Name: "process.pid", Type: frame.Long},
	ProcessEntityID:             {Name: "process.entity_id", Type: frame.Keyword},
	ProcessName:                 {Name: "process.name", Type: frame.Keyword},
	ProcessExecutable:           {Name: "process.executable", Type: frame.Keyword},
	ProcessCommandLine:          {Name: "process.command_line", Type: frame.Keyword},
	ProcessArgs:                 {Name: "process.args", Type: frame.Keyword},
	ProcessArgsCount:            {Name: "process.args_count", Type: frame.Long},
	ProcessWorkingDirectory:     {Name: "process.working_directory", Type: frame.Keyword},
	ProcessStart:                {Name: "process.start", Type: frame.Date},
	ProcessEnd:                  {Name: "process.end", Type: frame.Date},
	ProcessExitCode:             {Name: "process.exit_code", Type: frame.Long},
	ProcessInteractive:          {Name: "process.interactive", Type: frame.Boolean},
	ProcessEnvVars:              {Name: "process.env_vars", Type: frame.Keyword},
	ProcessTitle:                {Name: "process.title", Type: frame.Keyword},
	ProcessHashSHA256:           {Name: "process.hash.sha256", Type: frame.Keyword},
	ProcessAncestry:             {Name: "process.Ext.ancestry", Type: frame.Keyword},
	ProcessCommandLineTruncated: {Name: "process.Ext.command_line_truncated", Type: frame.Boolean},
	ProcessTTYMajor:             {Name: "process.tty.char_device.major", Type: frame.Long},
	ProcessTTYMinor:             {Name: "process.tty.char_device.minor", Type: frame.Long},
	ProcessUserID:               {Name: "process.user.id", Type: frame.Keyword},
	ProcessUserName:             {Name: "process.user.name", Type: frame.Keyword},
	ProcessRealUserID:           {Name: "process.real_user.id", Type: frame.Keyword},
	ProcessRealUserName:         {Name: "process.real_user.name", Type: frame.Keyword},
	ProcessThreadID:             {Name: "process.thread.id", Type: frame.Long},
	ParentPID:                   {Name: "process.parent.pid", Type: frame.Long},
	ParentEntityID:              {Name: "process.parent.entity_id", Type: frame.Keyword},
	ParentName:                  {Name: "process.parent.name", Type: frame.Keyword},
	ParentExecutable:            {Name: "process.parent.executable", Type: frame.Keyword},
	ParentCommandLine:           {Name: "process.parent.command_line", Type: frame.Keyword},
	ParentArgs:                  {Name: "process.parent.args", Type: frame.Keyword},
	ParentArgsCount:             {Name: "process.parent.args_count", Type: frame.Long},
	ParentWorkingDirectory:      {Name: "process.parent.working_directory", Type: frame.Keyword},
	ParentStart:                 {Name: "process.parent.start", Type: frame.Date},
	ParentInteractive:           {Name: "process.parent.interactive", Type: frame.Boolean},
	ParentUserID:                {Name: "process.parent.user.id", Type: frame.Keyword},
	ParentUserName:              {Name: "process.parent.user.name", Type: frame.Keyword},
	SessionLeaderPID:            {Name: "process.session_leader.pid", Type: frame.Long},
	SessionLeaderEntityID:       {Name: "process.session_leader.entity_id", Type: frame.Keyword},
	SessionLeaderName:           {Name: "process.session_leader.name", Type: frame.Keyword},
	GroupLeaderPID:              {Name: "process.group_leader.pid", Type: frame.Long},
	EntryLeaderPID:              {Name: "process.entry_leader.pid", Type: frame.Long},
	EntryLeaderEntityID:         {Name: "process.entry_leader.entity_id", Type: frame.Keyword},
	EntryLeaderName:             {Name: "process.entry_leader.name", Type: frame.Keyword},
	EntryLeaderExecutable:       {Name: "process.entry_leader.executable", Type: frame.Keyword},
	EntryMetaType:               {Name: "process.entry_leader.entry_meta.type", Type: frame.Keyword},
	EntryMetaSourceIP:           {Name: "process.entry_leader.entry_meta.source.ip", Type: frame.IP},
	ContainerID:                 {Name: "container.id", Type: frame.Keyword},
	ContainerName:               {Name: "container.name", Type: frame.Keyword},
	ContainerImageName:          {Name: "container.image.name", Type: frame.Keyword},
	ContainerImageTag:           {Name: "container.image.tag", Type: frame.Keyword},
	OrchestratorClusterName:     {Name: "orchestrator.cluster.name", Type: frame.Keyword},
	OrchestratorNamespace:       {Name: "orchestrator.namespace", Type: frame.Keyword},
	OrchestratorResourceName:    {Name: "orchestrator.resource.name", Type: frame.Keyword},
	OrchestratorResourceType:    {Name: "orchestrator.resource.type", Type: frame.Keyword},
	CloudInstanceID:             {Name: "cloud.instance.id", Type: frame.Keyword},
	CloudProvider:               {Name: "cloud.provider", Type: frame.Keyword},
	SourceAddress:               {Name: "source.address", Type: frame.Keyword},
	SourceIP:                    {Name: "source.ip", Type: frame.IP},
	SourcePort:                  {Name: "source.port", Type: frame.Long},
	SourceBytes:                 {Name: "source.bytes", Type: frame.Long},
	DestinationAddress:          {Name: "destination.address", Type: frame.Keyword},
	DestinationIP:               {Name: "destination.ip", Type: frame.IP},
	DestinationPort:             {Name: "destination.port", Type: frame.Long},
	DestinationBytes:            {Name: "destination.bytes", Type: frame.Long},
	DestinationDomain:           {Name: "destination.domain", Type: frame.Keyword},
	NetworkDirection:            {Name: "network.direction", Type: frame.Keyword},
	NetworkTransport:            {Name: "network.transport", Type: frame.Keyword},
	NetworkType:                 {Name: "network.type", Type: frame.Keyword},
	NetworkBytes:                {Name: "network.bytes", Type: frame.Long},
	FilePath:                    {Name: "file.path", Type: frame.Keyword},
	FileName:                    {Name: "file.name", Type: frame.Keyword},
	FileDirectory:               {Name: "file.directory", Type: frame.Keyword},
	FileExtension:               {Name: "file.extension", Type: frame.Keyword},
	FileSize:                    {Name: "file.size", Type: frame.Long},
	FileInode:                   {Name: "file.inode", Type: frame.Keyword},
	FileDevice:                  {Name: "file.device", Type: frame.Keyword},
	FileUID:                     {Name: "file.uid", Type: frame.Keyword},
	FileMode:                    {Name: "file.mode", Type: frame.Keyword},
	FileHashSHA256:              {Name: "file.hash.sha256", Type: frame.Keyword},
	FileOriginalPath:            {Name: "file.Ext.original.path", Type: frame.Keyword},
	RuleID:                      {Name: "rule.id", Type: frame.Keyword},
	RuleName:                    {Name: "rule.name", Type: frame.Keyword},
	RuleDescription:             {Name: "rule.description", Type: frame.Keyword},
	AlertUUID:                   {Name: "kibana.alert.uuid", Type: frame.Keyword},
	AlertRuleName:               {Name: "kibana.alert.rule.name", Type: frame.Keyword},
	AlertSeverity:               {Name: "kibana.alert.severity", Type: frame.Keyword},
	AlertRiskScore:              {Name: "kibana.alert.risk_score", Type: frame.Long},
	AlertReason:                 {Name: "kibana.alert.reason", Type: frame.Keyword},
	AlertWorkflowStatus:         {Name: "kibana.alert.workflow_status", Type: frame.Keyword},
	StartTicks:                  {Name: "interdict.start_ticks", Type: frame.Long},
	ParentStartTicks:            {Name: "interdict.parent_start_ticks", Type: frame.Long},
	ProcessTool:                 {Name: "interdict.tool", Type: frame.Keyword},
	ProcessToolHow:              {Name: "interdict.tool_how", Type: frame.Keyword},
	LoginUID:                    {Name: "interdict.login_uid", Type: frame.Long},
	AuditSession:                {Name: "interdict.audit_session", Type: frame.Long},
	CgroupID:                    {Name: "interdict.cgroup.id", Type: frame.Long},
	CgroupPath:                  {Name: "interdict.cgroup.path", Type: frame.Keyword},
	Filename:                    {Name: "interdict.filename", Type: frame.Keyword},
	Interpreter:                 {Name: "interdict.interpreter", Type: frame.Keyword},
	ExecutableDevice:            {Name: "interdict.executable.device", Type: frame.Keyword},
	ExecutableInode:             {Name: "interdict.executable.inode", Type: frame.Keyword},
	ExecutableLinks:             {Name: "interdict.executable.nlink", Type: frame.Long},
	ExecutableCtime:             {Name: "interdict.executable.ctime", Type: frame.Date},
	ExecutableMemfd:             {Name: "interdict.executable.memfd", Type: frame.Boolean},
	ArgsBytes:                   {Name: "interdict.args_bytes", Type: frame.Long},
	PIDNamespace:                {Name: "interdict.pid_namespace", Type: frame.Long},
	MountNamespace:              {Name: "interdict.mount_namespace", Type: frame.Long},
	NetworkNamespace:            {Name: "interdict.network_namespace", Type: frame.Long},
	ControlSocket:               {Name: "interdict.control_socket", Type: frame.Keyword},
	Live:                        {Name: "interdict.live", Type: frame.Boolean},
	CountOf:                     {Name: "interdict.count.of", Type: frame.Keyword},
	CountValue:                  {Name: "interdict.count.value", Type: frame.Keyword},
	CountGroup:                  {Name: "interdict.count.group", Type: frame.Keyword},
	CountRuns:                   {Name: "interdict.count.runs", Type: frame.Long},
	CountMost:                   {Name: "interdict.count.most", Type: frame.Long},
}
