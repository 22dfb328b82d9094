// SPDX-License-Identifier: GPL-3.0-or-later
// Two questions to the engine about one recipe: how it judges the answer's own tokens, and what it would have
// answered instead. Results come piece by piece, on the window's thread.
#pragma once

#include "core/client/inspection_client.h"
#include "ui/base/courier.h"
#include "ui/conversation/answer_stream.h"
#include "ui/inspect/ablation_model.h"

#include <QObject>

#include <memory>

namespace fulgurite {

class AblationRun : public QObject {
    Q_OBJECT

  public:
    // `text`: all tokens of the prompt and of the answer, which begins at `first`. `sampling`: as the answer was
    // made. The client must know inspection; it is used during the constructor only.
    AblationRun(client::EngineClient& client, std::vector<capture::CapturedToken> text, std::size_t first,
                const InterventionRecipe& recipe, const client::Sampling& sampling, QObject* parent = nullptr);
    ~AblationRun() override; // cancels what runs

    // What has come so far; a new object each time it grows.
    std::shared_ptr<const AblationResult> result() const { return result_; }
    bool running() const { return judging_ || generating_; }
    // Of the answer under the intervention: "end_of_sentence"; empty while it is written.
    const QString& reason() const { return reason_; }

  signals:
    void changed();
    void failed(const QString& message);
    void finished(); // both questions are answered, or have failed

  private:
    void takeJudged(const client::Outcome<capture::TokenComparison>& outcome);
    void takeTokens(const std::vector<TokenInfo>& tokens);
    void end(const std::optional<client::StreamDone>& done, const std::optional<Error>& error);
    void checkFinished();

    std::shared_ptr<AblationResult> result_;
    std::shared_ptr<client::HttpCall> judge_call_;
    std::shared_ptr<Courier> courier_;
    AnswerStream stream_;
    bool judging_ = true;
    bool generating_ = true;
    QString reason_;
};

} // namespace fulgurite
