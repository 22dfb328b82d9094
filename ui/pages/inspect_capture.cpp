// SPDX-License-Identifier: GPL-3.0-or-later
// The Inspect page and the engine: taking a capture of an answer, the captures that lie with the engine, and asking
// for the answer again with heads taken out.
#include "ui/base/format.h"
#include "ui/base/notices.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/engine_link.h"
#include "ui/inspect/ablation_view.h"
#include "ui/inspect/capture_bar.h"
#include "ui/inspect/capture_run.h"
#include "ui/inspect/engine_capture_source.h"
#include "ui/pages/inspect_page.h"
#include "ui/shell/action_registry.h"

#include <QDateTime>
#include <QMenu>

namespace fulgurite {
namespace {

// Quicker and smaller than this, a capture that was just asked for needs no second question; its cost stands beside
// its progress.
constexpr double kSecondsWithoutQuestion = 20;
constexpr std::uint64_t kBytesWithoutQuestion = 512ULL << 20;
constexpr int kMostListed = 12;

QString entryTitle(const client::CaptureEntry& entry) {
    const QDateTime taken =
        QDateTime::fromString(QString::fromStdString(entry.info.created), Qt::ISODate).toLocalTime();
    return QCoreApplication::translate("fulgurite", "%1 tokens, %2, %3")
        .arg(grouped(static_cast<std::int64_t>(entry.info.tokens)),
             bytesText(static_cast<std::int64_t>(entry.info.bytes)),
             taken.isValid() ? QLocale().toString(taken, QLocale::ShortFormat)
                             : QString::fromStdString(entry.info.created));
}

} // namespace

void InspectPage::buildCapture() {
    capture_run_ = new CaptureRun(this);
    connect(capture_run_, &CaptureRun::planned, this, &InspectPage::takePlan);
    connect(capture_run_, &CaptureRun::progressed, this, [this](std::size_t done, std::size_t total) {
        bar_->showProgress(done, total, capture_run_->seconds());
    });
    connect(capture_run_, &CaptureRun::finished, this, &InspectPage::takeCapture);
    connect(capture_run_, &CaptureRun::failed, this, [this](const QString& cause) {
        const QString title = wish_ ? wish_->title : tr("The answer");
        bar_->showProblem(capture_run_->wasTaking()
                              ? tr("“%1” was not captured, and nothing of it was kept: %2").arg(title, cause)
                              : tr("“%1” cannot be captured: %2").arg(title, cause));
    });
    connect(capture_run_, &CaptureRun::cancelled, bar_, &QWidget::hide);
    connect(bar_, &CaptureBar::layersChanged, this, [this] {
        if (!capture_run_->running() && bar_->isVisibleTo(this)) {
            planCapture();
        }
    });
    connect(&selection_, &Selection::tickedChanged, this, [this] { bar_->setTicked(selection_.ticked().size()); });
    connect(bar_, &CaptureBar::startWanted, this, &InspectPage::startCapture);
    connect(bar_, &CaptureBar::cancelWanted, this, [this] {
        capture_run_->cancel();
        bar_->hide();
    });
}

// Why the engine can take no capture now; empty: it can.
QString InspectPage::captureObstacle() const {
    const EngineLink& link = context().link;
    if (!link.client() || !link.info()) {
        return tr("The engine is not ready");
    }
    if (!link.info()->can("captures") || !link.client()->inspection()) {
        return link.whyNot("captures");
    }
    return {};
}

void InspectPage::activated() {
    if (const auto wish = context().handoff.takeInspect()) {
        inspectAnswer(*wish);
    }
    if (InspectView* first = view(source_ ? QStringLiteral("strip") : QStringLiteral("decay"))) {
        first->setFocus();
    }
}

void InspectPage::inspectAnswer(const InspectWish& wish) {
    wish_ = wish;
    asked_by_person_ = true;
    planCapture();
}

client::CaptureRequest InspectPage::captureRequest() const {
    client::CaptureRequest request;
    request.prompt = wish_->prompt;
    request.continue_tokens = wish_->continue_tokens;
    request.intervention = wish_->intervention;
    if (bar_->layers() == CaptureBar::Layers::All) {
        return request;
    }
    request.plan.attention_layers.emplace();
    if (bar_->layers() == CaptureBar::Layers::Ticked) {
        request.plan.attention_heads = selection_.ticked();
    }
    const auto& kinds = context().link.info()->model.layers;
    for (std::size_t layer = 0; layer < kinds.size() && bar_->layers() == CaptureBar::Layers::Softmax; ++layer) {
        if (kinds[layer] == "softmax") {
            request.plan.attention_layers->push_back(static_cast<int>(layer));
        }
    }
    return request;
}

void InspectPage::planCapture() {
    if (!wish_) {
        return;
    }
    if (const QString obstacle = captureObstacle(); !obstacle.isEmpty()) {
        bar_->showProblem(tr("%1 cannot be captured: %2.").arg(wish_->title, obstacle));
        return;
    }
    bar_->showPlanning(wish_->title);
    capture_run_->plan(context().link.client(), captureRequest());
}

void InspectPage::takePlan(const client::CaptureCost& cost) {
    bar_->showCost(wish_->title, cost);
    offer_ = cost.refusal.empty() ? costText(cost) : QString::fromStdString(cost.refusal);
    updateOffer();
    const bool small =
        cost.seconds > 0 && cost.seconds <= kSecondsWithoutQuestion && cost.bytes <= kBytesWithoutQuestion;
    if (std::exchange(asked_by_person_, false) && small && cost.refusal.empty()) {
        startCapture();
    }
}

void InspectPage::startCapture() {
    bar_->showStarting(wish_->title, offer_);
    capture_run_->start();
}

void InspectPage::takeCapture(const client::CaptureEntry& entry) {
    bar_->hide();
    if (!context().link.client() || !context().link.client()->inspection()) {
        return reportFailure(
            tr("The engine went away right after the capture. It stays with the engine: choose it from the "
               "capture menu once the engine is back."));
    }
    ++opening_;
    const std::size_t answer = wish_ ? wish_->continue_tokens.size() : 0;
    setSource(std::make_unique<EngineCaptureSource>(context().link.client(), entry,
                                                    wish_ ? wish_->title : entryTitle(entry)));
    captured_turn_ = wish_ ? wish_->turn : 0;
    if (auto* ablation = qobject_cast<AblationView*>(view(QStringLiteral("ablation"))); ablation && wish_) {
        ablation->setOrigin(wish_->sampling);
    }
    if (wish_ && answer > 0 && entry.info.tokens >= answer) {
        // The row that foretold the chosen token is the one before it.
        const std::size_t at = entry.info.tokens - answer + std::min(wish_->token, answer - 1);
        InspectState state = startState();
        state.query = at > 0 ? at - 1 : 0;
        selection_.clear(state);
    }
    if (wish_ && wish_->head) {
        selection_.setHead(*wish_->head);
    }
    updateActions();
}

void InspectPage::captureWanted() {
    if (wish_) {
        asked_by_person_ = true;
        planCapture();
    } else {
        context().actions.run(QStringLiteral("view.page.prompt"));
    }
}

void InspectPage::updateOffer() {
    const QString action = wish_ ? tr("Capture now") : tr("Go to the answers");
    const QString note = wish_ ? offer_ : tr("On an answer, choose Inspect this answer (Ctrl+I).");
    for (InspectView* each : views_) {
        each->setCaptureOffer(action, note);
    }
}

// The list is asked for when the menu opens and fills the sub-menu when it comes.
void InspectPage::fillEngineCaptures(QMenu* menu) {
    menu->clear();
    QAction* waiting = menu->addAction(tr("Asking the engine…"));
    waiting->setEnabled(false);
    if (const QString obstacle = captureObstacle(); !obstacle.isEmpty()) {
        waiting->setText(obstacle);
        return;
    }
    const auto client = context().link.client();
    client->inspection()->list(
        [courier = courier_, this, menu = QPointer(menu), client](client::Outcome<client::CaptureList> list) {
            courier->post([this, menu, client, list = std::move(list)] {
                if (menu) {
                    showEngineCaptures(*menu, client, list);
                }
            });
        });
}

void InspectPage::showEngineCaptures(QMenu& menu, const std::shared_ptr<client::EngineClient>& client,
                                     const client::Outcome<client::CaptureList>& list) {
    menu.clear();
    const auto say = [&menu](const QString& text) { menu.addAction(text)->setEnabled(false); };
    if (!list.ok()) {
        return say(QString::fromUtf8(list.error().what()));
    }
    if (list.value().captures.empty() && list.value().broken.empty()) {
        return say(tr("None yet"));
    }
    int listed = 0;
    for (const client::CaptureEntry& entry : list.value().captures) {
        if (++listed > kMostListed) {
            break;
        }
        menu.addAction(entryTitle(entry), this, [this, client, entry] {
            ++opening_;
            setSource(std::make_unique<EngineCaptureSource>(client, entry, entryTitle(entry)));
        });
    }
    for (const auto& [id, problem] : list.value().broken) {
        say(QString::fromStdString(problem));
    }
}

void InspectPage::ablate(Intervention intervention, bool from_answer) {
    InterventionRecipe recipe;
    recipe.intervention = std::move(intervention);
    recipe.from_answer = from_answer;
    branchUnder(recipe);
}

void InspectPage::branchUnder(const InterventionRecipe& recipe) {
    if (recipe.empty()) {
        return;
    }
    if (captured_turn_ == 0) {
        return reportFailure(
            tr("It is not known which answer this capture was taken of. Choose Inspect this answer on the "
               "Prompt page, then ablate."));
    }
    context().handoff.post(AblationWish{captured_turn_, recipe});
    context().actions.run(QStringLiteral("view.page.prompt"));
}

Intervention InspectPage::tickedHeads() const {
    Intervention intervention;
    for (const capture::HeadRef head : selection_.ticked()) {
        intervention.heads.push_back({.layer = head.layer, .head = head.head, .factor = 0});
    }
    return intervention;
}

// What is selected rather than ticked: an expert of a layer, else a whole layer.
Intervention InspectPage::selectedPart() const {
    Intervention intervention;
    const InspectState& state = selection_.state();
    if (state.layer && state.expert) {
        intervention.experts.push_back({.layer = *state.layer, .expert = *state.expert});
    } else if (state.layer) {
        intervention.layers.push_back({.layer = *state.layer, .part = BlockPart::Both});
    }
    return intervention;
}

} // namespace fulgurite
