// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/rollout_data.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QStringDecoder>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr double kMostExponent = 20; // as trainers cut it before exp
constexpr int kEndCharacters = 24;

QString fromUtf8(const std::string& text) {
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

double numberAt(const QJsonArray& values, qsizetype i) {
    return i < values.size() && values[i].isDouble() ? values[i].toDouble() : std::nan("");
}

// Tokens may end inside a character: it belongs to the one that completes it.
void takeTokens(const RunSample& sample, Answer& answer) {
    QStringDecoder decoder(QStringDecoder::Utf8);
    for (const RolloutToken& token : sample.tokens) {
        AnswerToken view;
        view.text = decoder(QByteArray::fromStdString(token.bytes));
        view.logp_old = token.logprob;
        view.ratio = token.ratio;
        view.logp = token.ratio > 0 ? token.logprob + std::log(token.ratio) : std::nan("");
        view.weight = token.weight;
        view.capped = token.capped;
        answer.tokens.push_back(view);
    }
}

// The same from the sample's own fields, for programs that know no table of tokens.
void takeFields(const QJsonObject& meta, Answer& answer) {
    const QJsonArray texts = meta["texts"].toArray();
    const QJsonArray old = meta["logp_old"].toArray();
    const QJsonArray now = meta["logp"].toArray();
    const QJsonArray weights = meta["weight"].toArray();
    const QJsonArray capped = meta["capped"].toArray();
    for (qsizetype i = 0; i < texts.size(); ++i) {
        AnswerToken token;
        token.text = texts[i].toString();
        token.logp_old = numberAt(old, i);
        token.logp = numberAt(now, i);
        const double exponent = token.logp - token.logp_old;
        token.ratio =
            std::isnan(exponent) ? exponent : std::exp(std::clamp(exponent, -kMostExponent, kMostExponent));
        token.weight = numberAt(weights, i);
        token.capped = i < capped.size() && (capped[i].toBool() || capped[i].toInt() != 0);
        answer.tokens.push_back(token);
    }
}

double fieldOr(const RunInfo& run, const char* field, double fallback) {
    bool number = false;
    const double value = run.config.value(QLatin1String(field)).toDouble(&number);
    return number ? value : fallback;
}

} // namespace

int Answer::capped() const {
    return static_cast<int>(
        std::count_if(tokens.begin(), tokens.end(), [](const AnswerToken& token) { return token.capped; }));
}

QString Answer::endText() const {
    if (ended == QLatin1String("limit")) {
        return QStringLiteral("cut at the limit");
    }
    if (ended == QLatin1String("repetition")) {
        return QStringLiteral("stopped: repeats");
    }
    return completion.trimmed().right(kEndCharacters);
}

bool AnswerGroup::zeroVariance() const {
    return answers.size() > 1 && std::all_of(answers.begin(), answers.end(), [this](const Answer& answer) {
               return answer.reward == answers.front().reward;
           });
}

Answer answerOf(const RunSample& sample) {
    Answer answer;
    const QJsonObject meta = QJsonDocument::fromJson(QByteArray::fromStdString(sample.meta_json)).object();
    answer.sample = sample.id;
    answer.number = meta["answer"].toInt(-1) + 1;
    answer.prompt = fromUtf8(sample.prompt);
    answer.completion = fromUtf8(sample.completion);
    answer.ended = meta["ended"].toString();
    answer.gold = meta["gold"].isString() ? meta["gold"].toString() : meta["gold"].toVariant().toString();
    answer.reward = sample.reward.value_or(std::nan(""));
    answer.advantage = sample.advantage.value_or(std::nan(""));
    if (!sample.tokens.empty()) {
        takeTokens(sample, answer);
    } else {
        takeFields(meta, answer);
    }
    const QJsonArray entropy = meta["entropy"].toArray();
    for (std::size_t i = 0; i < answer.tokens.size(); ++i) {
        answer.tokens[i].entropy = numberAt(entropy, static_cast<qsizetype>(i));
    }
    return answer;
}

AnswerGroup readAnswers(RunReader& reader, qint64 run, qint64 step, int place) {
    AnswerGroup result;
    const auto steps = reader.sampleSteps(run);
    if (steps.empty()) {
        return result;
    }
    result.step = std::min_element(steps.begin(), steps.end(), [step](const auto& a, const auto& b) {
                      return std::abs(a.first - step) < std::abs(b.first - step);
                  })->first;
    std::vector<std::int64_t> groups;
    const std::vector<RunSample> samples = reader.samples(run, result.step);
    for (const RunSample& sample : samples) {
        if (groups.empty() || groups.back() != sample.group) {
            groups.push_back(sample.group);
        }
    }
    if (groups.empty()) {
        return result;
    }
    result.groups = static_cast<int>(groups.size());
    if (place < 0) {
        const auto flowing = std::find_if(samples.begin(), samples.end(), [](const RunSample& sample) {
            return sample.advantage.value_or(0) != 0;
        });
        place = flowing == samples.end()
                    ? 0
                    : static_cast<int>(std::find(groups.begin(), groups.end(), flowing->group) - groups.begin());
    }
    result.place = std::clamp(place, 0, result.groups - 1);
    result.group = groups[static_cast<std::size_t>(result.place)];
    for (const RunSample& sample : samples) {
        if (sample.group == result.group) {
            result.answers.push_back(answerOf(reader.sample(run, sample.id)));
            if (result.answers.back().number == 0) {
                result.answers.back().number = static_cast<int>(result.answers.size());
            }
        }
    }
    std::stable_sort(result.answers.begin(), result.answers.end(),
                     [](const Answer& a, const Answer& b) { return a.reward > b.reward; });
    return result;
}

RuleSettings ruleSettings(const RunInfo& run) {
    RuleSettings settings;
    settings.cispo_cap = fieldOr(run, "objective.cap", settings.cispo_cap);
    settings.cispo_floor = fieldOr(run, "objective.floor", settings.cispo_floor);
    // The bounds of the run's own rule; the other rule keeps those of its paper.
    const bool grpo = run.algorithm.compare(QLatin1String("grpo"), Qt::CaseInsensitive) == 0;
    const bool dapo = run.algorithm.compare(QLatin1String("dapo"), Qt::CaseInsensitive) == 0;
    if (grpo) {
        settings.grpo_low = fieldOr(run, "objective.clip_low", settings.grpo_low);
        settings.grpo_high = fieldOr(run, "objective.clip_high", settings.grpo_high);
    } else if (dapo) {
        settings.dapo_low = fieldOr(run, "objective.clip_low", settings.dapo_low);
        settings.dapo_high = fieldOr(run, "objective.clip_high", settings.dapo_high);
    }
    return settings;
}

} // namespace fulgurite
