// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/ablation_run.h"

#include "core/client/engine_client.h"

#include <algorithm>

namespace fulgurite {

namespace {

// The original may have ended early; what comes instead may take longer, but not for ever.
constexpr std::size_t kMoreTokens = 256;

TokenIds idsOf(const std::vector<capture::CapturedToken>& text, std::size_t count) {
    TokenIds ids;
    ids.reserve(count);
    std::transform(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(count), std::back_inserter(ids),
                   [](const capture::CapturedToken& token) { return token.id; });
    return ids;
}

} // namespace

AblationRun::AblationRun(client::EngineClient& client, std::vector<capture::CapturedToken> text, std::size_t first,
                         const InterventionRecipe& recipe, const client::Sampling& sampling, QObject* parent)
    : QObject(parent), result_(std::make_shared<AblationResult>()), courier_(std::make_shared<Courier>(this)) {
    connect(&stream_, &AnswerStream::tokensArrived, this, &AblationRun::takeTokens);
    connect(&stream_, &AnswerStream::ended, this, &AblationRun::end);
    client::CompareRequest question;
    question.prompt = idsOf(text, text.size());
    question.first = std::max<std::size_t>(first, 1);
    question.intervention = recipe;
    client::GenerateRequest generation;
    generation.prompt = idsOf(text, first);
    generation.sampling = sampling;
    generation.stopping.max_tokens = static_cast<int>(text.size() - first + kMoreTokens);
    generation.intervention = recipe;
    result_->first = first;
    result_->original.assign(text.begin() + static_cast<std::ptrdiff_t>(first), text.end());
    result_->align();
    judge_call_ = client.inspection()->compare(
        question, [courier = courier_, this](const client::Outcome<capture::TokenComparison>& outcome) {
            courier->post([this, outcome] { takeJudged(outcome); });
        });
    if (first == 0) {
        generating_ = false; // nothing is given that an answer could follow
        return;
    }
    stream_.start(client, generation);
}

AblationRun::~AblationRun() {
    courier_->close();
    if (judge_call_) {
        judge_call_->cancel();
    }
}

void AblationRun::takeJudged(const client::Outcome<capture::TokenComparison>& outcome) {
    judging_ = false;
    if (outcome.ok()) {
        auto grown = std::make_shared<AblationResult>(*result_);
        grown->judged = outcome.value();
        result_ = std::move(grown);
        emit changed();
    } else {
        emit failed(QString::fromUtf8(outcome.error().what()));
    }
    checkFinished();
}

void AblationRun::takeTokens(const std::vector<TokenInfo>& tokens) {
    auto grown = std::make_shared<AblationResult>(*result_);
    grown->changed.insert(grown->changed.end(), tokens.begin(), tokens.end());
    grown->align();
    result_ = std::move(grown);
    emit changed();
}

void AblationRun::end(const std::optional<client::StreamDone>& done, const std::optional<Error>& error) {
    generating_ = false;
    if (done) {
        reason_ = QString::fromStdString(done->reason);
    } else if (error) {
        emit failed(QString::fromUtf8(error->what()));
    }
    checkFinished();
}

void AblationRun::checkFinished() {
    if (!running()) {
        emit finished();
    }
}

} // namespace fulgurite
