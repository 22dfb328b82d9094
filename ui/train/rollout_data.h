// SPDX-License-Identifier: GPL-3.0-or-later
// Completions of a step of training, token by token, as the rollout views show them.
#pragma once

#include "core/store/runs/run_reader.h"
#include "ui/train/rule_weights.h"
#include "ui/train/run_data.h"

namespace fulgurite {

struct AnswerToken {
    QString text;
    double logp_old = std::nan(""); // under the policy that wrote it
    double logp = std::nan("");     // under the policy of the batch's last update
    double ratio = std::nan("");    // exp(logp − logp_old)
    double weight = std::nan("");   // that stood in the gradient
    double entropy = std::nan("");  // of the distribution it was drawn from; NaN where not logged
    bool capped = false;            // weight and ratio differ by the rule of the objective
};

struct Answer {
    qint64 sample = 0;
    int number = 0; // in its group, from 1
    QString prompt;
    QString completion;
    QString ended; // "end", "limit", "repetition"; empty: not known
    QString gold;
    double reward = std::nan("");
    double advantage = std::nan("");
    std::vector<AnswerToken> tokens;

    int capped() const;
    QString endText() const; // how the answer ends, in few words
};

// The answers to one prompt.
struct AnswerGroup {
    qint64 step = 0;
    qint64 group = 0;
    int place = 0;  // among the groups of the step, from 0
    int groups = 0; // of the step
    std::vector<Answer> answers;

    bool zeroVariance() const; // all rewards equal: nothing flows
};

// The group at `place` of the step nearest to `step` that has samples, or at -1 the first one in which a gradient
// flows; no answers where the run has none. Answers with the best reward first.
AnswerGroup readAnswers(RunReader& reader, qint64 run, qint64 step, int place);
Answer answerOf(const RunSample& sample);

// What the run's configuration says about its objective; defaults of the papers where it says nothing.
RuleSettings ruleSettings(const RunInfo& run);

} // namespace fulgurite
