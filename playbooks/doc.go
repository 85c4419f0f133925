// Package playbooks chooses and records steps: what to ask about a finding, what
// the answers are, and what people said about it.
//
// An [Assessor] answers the investigation guide of a finding from evidence. The
// questions are data (guide.yaml: title, what is asked, the ES|QL query with
// named parameters, what an environment implies); what an answer means is code,
// one file a question. Values from events reach a query as parameters only.
//
// Promises:
//   - Assess never fails. What could not be answered is [OPEN] and says why.
//   - Names accuse, they never excuse: a parent called "cron" is not cron. What
//     speaks for a transfer is proven by what the kernel recorded (paths,
//     cgroups, login uids), by who owns the file, or by history of more than a day.
//   - Counts come with what they were counted among, and since when.
//
// [Cases] keep what people said about an alert: acknowledged, closed and why,
// notes, answers of their own. Two programs may use them at once.
//
// The package changes no host. Texts in answers may carry bytes that an
// attacker chose; whoever shows them makes them harmless.
package playbooks
