// SPDX-License-Identifier: GPL-3.0-or-later
// Which node answers on the Prompt page, what it cannot do, and what happens while it is lost.
#include "ui/base/background.h"
#include "ui/base/format.h"
#include "ui/base/notices.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/engine_link.h"
#include "ui/engine/local_engine.h"
#include "ui/nodes/node_hub.h"
#include "ui/nodes/node_list.h"
#include "ui/nodes/reconnect_notice.h"
#include "ui/pages/prompt_page.h"
#include "ui/prompt/composer.h"
#include "ui/prompt/transcript_view.h"
#include "ui/shell/action_registry.h"

#include <QMenu>

namespace fulgurite {

void PromptPage::connectNodes() {
    NodeHub* const hub = context().link.nodes();
    const auto watch = [this] { reconnect_->watch(&context().link.current(), nodeName()); };
    connect(&context().link, &EngineLink::currentChanged, this, watch);
    connect(&context().link, &EngineLink::stateChanged, this, &PromptPage::showInterrupted);
    watch();
    connect(&controller_, &ConversationController::interruptedChanged, this, &PromptPage::showInterrupted);
    connect(reconnect_, &ReconnectNotice::stopped, &controller_, &ConversationController::giveUpInterrupted);
    connect(reconnect_, &ReconnectNotice::nowWanted, &controller_, &ConversationController::resumeNow);
    wait_timer_.setInterval(1000);
    connect(&wait_timer_, &QTimer::timeout, this, &PromptPage::showWait);
    connect(reconnect_, &ReconnectNotice::moveWanted, this, [this] {
        const auto& cut = controller_.interrupted();
        const QString other = otherNodeWith(cut ? cut->model : QString());
        if (!other.isEmpty()) {
            moveTo(other);
            controller_.moveInterrupted(other);
        }
    });
    connect(&controller_, &ConversationController::resumed, this, [this](const QString& title, int kept, int had) {
        const QString text =
            kept == had
                ? tr("\"%1\" goes on after its token %2, as if it had not been cut.").arg(title, grouped(kept))
                : tr("\"%1\" is written again from its beginning: with stop strings or penalties only the "
                     "whole answer is the same answer.")
                      .arg(title);
        context().notices.post({.id = "resumed", .severity = Severity::Info, .text = text, .seconds = 8});
    });
    connect(&controller_, &ConversationController::reentryTold, this, &PromptPage::tellMove);
    if (hub) {
        connect(hub, &NodeHub::listChanged, this, &PromptPage::followNode);
        connect(&hub->book(), &NodeBook::changed, this, &PromptPage::showTarget);
    }
}

QString PromptPage::nodeName() const {
    const NodeHub* const hub = context().link.nodes();
    return hub ? hub->nameOf(hub->current()) : tr("this computer");
}

void PromptPage::followNode() {
    NodeHub* const hub = context().link.nodes();
    if (!hub) {
        return;
    }
    const QString& chosen = controller_.line().node;
    hub->use(hub->book().find(chosen) ? chosen : hub->book().defaultNode());
    controller_.setTarget(hub->current());
}

void PromptPage::showTarget() {
    const EngineLink& link = context().link;
    const bool local = &link.current() == &link.local();
    ComposerTarget target;
    target.node = nodeName();
    if (link.info()) {
        target.model = QString::fromStdString(link.info()->model.id);
    }
    switch (link.current().state()) {
    case LinkState::Ready:
        target.readiness = controller_.engineReady() ? EngineReadiness::Ready : EngineReadiness::Starting;
        target.explanation = local ? context().engine.modelFolder() : serverText(link.current());
        break;
    case LinkState::Connecting:
    case LinkState::Loading:
        target.readiness = EngineReadiness::Starting;
        target.explanation = local ? tr("The model is being loaded. What you send waits until it is ready.")
                                   : tr("The node is being connected. What you send waits until it is there.");
        break;
    case LinkState::Waiting:
    case LinkState::Failed:
        target.readiness = EngineReadiness::Lost;
        target.explanation = link.current().message();
        break;
    case LinkState::Off:
        target.readiness = EngineReadiness::NoModel;
        target.explanation = local
                                 ? tr("No engine runs. Start it from the Engine menu, or open a checkpoint folder.")
                                 : tr("The node is disconnected. Connect it on the Nodes page, or choose another.");
        break;
    }
    composer_->setTarget(target);
}

void PromptPage::showAbilities() {
    const EngineLink& link = context().link;
    const bool known = link.info().has_value();
    const auto obey = [&](const char* action, const char* capability) {
        const QString why = known ? link.whyNot(capability) : QString();
        context().actions.setEnabled(QLatin1String(action), why.isEmpty(), why);
    };
    obey("prompt.continue", "continue");
    obey("prompt.inspect", "captures");
    obey("prompt.raw", "completions");
    transcript_->setContinueObstacle(known ? link.whyNot("continue") : QString());
    composer_->setRawObstacle(known ? link.whyNot("completions") : QString());
}

void PromptPage::showInterrupted() {
    const auto& cut = controller_.interrupted();
    QString paused;
    if (cut) {
        const bool resumes = context().link.current().facts().kind == client::ServerKind::Fulgurite;
        paused =
            resumes
                ? tr("\"%1\" is paused at token %2 and goes on from there.").arg(cut->title, grouped(cut->tokens))
                : tr("\"%1\" was cut at token %2; this server cannot go on inside an answer.")
                      .arg(cut->title, grouped(cut->tokens));
    }
    reconnect_->setPaused(paused);
    showWait();
    const QString other = cut ? otherNodeWith(cut->model) : QString();
    reconnect_->setOther(other.isEmpty() ? QString() : context().link.nodes()->nameOf(other));
}

// Second by second, for an answer that its node has no place for.
void PromptPage::showWait() {
    if (const auto wait = controller_.resumeWait()) {
        reconnect_->setWait(wait->left, wait->of, wait->tries, wait->why);
        if (!wait_timer_.isActive()) {
            wait_timer_.start();
        }
    } else {
        reconnect_->setWait(0, 0, 0, {});
        wait_timer_.stop();
    }
}

QString PromptPage::otherNodeWith(const QString& model) const {
    const NodeHub* const hub = context().link.nodes();
    if (!hub || model.isEmpty()) {
        return {};
    }
    for (const NodeEntry& entry : hub->book().entries()) {
        const NodeLink& link = hub->link(entry.id);
        if (entry.id != hub->current() && link.info() && link.info()->can("resume") &&
            QString::fromStdString(link.info()->model.id) == model) {
            return entry.id;
        }
    }
    return {};
}

// An end of the way that a conversation's state takes; none, and why, where it cannot be one.
std::optional<client::StateEnd> PromptPage::stateEnd(const NodeLink& link, const QString& node,
                                                     QString& why) const {
    const NodeHub* const hub = context().link.nodes();
    if (!link.client() || !link.info()) {
        why = tr("%1 is not connected.").arg(hub->nameOf(node));
        return std::nullopt;
    }
    if (!link.info()->can("states")) {
        why = link.whyNot("states");
        return std::nullopt;
    }
    return client::StateEnd{link.client()->endpoint(), hub->tokenOf(node).toStdString()};
}

void PromptPage::moveTo(const QString& node) {
    NodeHub* const hub = context().link.nodes();
    if (!hub || hub->current() == node) {
        return;
    }
    const bool has_text = !controller_.line().turns.isEmpty();
    QString why;
    const auto origin = stateEnd(hub->link(hub->current()), hub->current(), why);
    controller_.setNode(node);
    if (!has_text) {
        return;
    }
    if (controller_.engineReady() && context().link.info()) {
        carryState(origin, node, why);
    } else {
        // Its cost is known once it is connected.
        connect(
            &context().link, &EngineLink::infoChanged, this,
            [this, origin, node, why] {
                if (context().link.info() && context().link.nodes()->current() == node) {
                    carryState(origin, node, why);
                }
            },
            Qt::SingleShotConnection);
    }
}

// The state itself where both ends can, else the text is read again there; what it takes is told in the end.
void PromptPage::carryState(const std::optional<client::StateEnd>& origin, const QString& node,
                            const QString& why) {
    QString why_not = why;
    const auto target = origin ? stateEnd(context().link.current(), node, why_not) : std::nullopt;
    carried_ = {};
    carried_told_ = false;
    if (!target) {
        carried_.why = why_not.toStdString();
        return controller_.askReentry();
    }
    controller_.withWholeText([this, from = *origin, to = *target](const client::GenerateRequest& request) {
        inBackground(
            this, [from, to, request] { return client::moveState(from, to, request, {}); },
            [this](const client::StateMove& move) {
                carried_ = move;
                controller_.askReentry();
            });
    });
}

void PromptPage::tellMove(int tokens, int reused, double seconds) {
    QString text = tr("Moved to %1. It gets the whole text again with your next message.").arg(nodeName());
    if (carried_.moved) {
        text = tr("Moved to %1 with its state: %2 for %3 tokens, carried in %4.")
                   .arg(nodeName(), bytesText(static_cast<std::int64_t>(carried_.bytes)),
                        grouped(static_cast<qint64>(carried_.tokens)), secondsText(carried_.seconds));
        if (tokens > reused) {
            text += u' ' + tr("%1 more are read there with your next message.").arg(grouped(tokens - reused));
        }
    } else if (tokens > 0) {
        text = tr("Moved to %1. Of %2 tokens it holds %3; the rest is read there again, in about %4.")
                   .arg(nodeName(), grouped(tokens), grouped(reused), secondsText(seconds));
    }
    if (!carried_told_ && !carried_.moved && !carried_.why.empty()) {
        text += u' ' + tr("The state itself was not carried: %1").arg(QString::fromStdString(carried_.why));
    }
    carried_told_ = true;
    context().notices.post({.id = "moved", .severity = Severity::Info, .text = text, .seconds = 12});
}

void PromptPage::openNodeMenu(const QPoint& global) {
    NodeHub* const hub = context().link.nodes();
    QMenu menu(this);
    if (hub) {
        for (const NodeEntry& entry : hub->book().entries()) {
            const NodeLink& link = hub->link(entry.id);
            const QString model = link.info() ? QString::fromStdString(link.info()->model.id) : linkStateText(link);
            QAction* action = menu.addAction(QStringLiteral("%1 · %2").arg(entry.name, model), this,
                                             [this, id = entry.id] { moveTo(id); });
            action->setCheckable(true);
            action->setChecked(hub->current() == entry.id);
            const RemoteLink* const remote = hub->remote(entry.id);
            if (!remote || remote->models().size() < 2) {
                continue;
            }
            QMenu* models = menu.addMenu(tr("    its models"));
            for (const client::OfferedModel& each : remote->models()) {
                const QString id = QString::fromStdString(each.id);
                QAction* pick = models->addAction(id, this, [this, hub, entry, id] {
                    NodeEntry changed = entry;
                    changed.model = id;
                    hub->change(changed);
                    moveTo(entry.id);
                });
                pick->setCheckable(true);
                pick->setChecked(id == model);
            }
        }
        menu.addSeparator();
    }
    menu.addAction(tr("Open a checkpoint on this computer..."), this,
                   [this] { context().actions.run(QStringLiteral("engine.open_checkpoint")); });
    menu.addAction(tr("Nodes..."), this, [this] { context().actions.run(QStringLiteral("view.page.nodes")); });
    menu.exec(global);
}

} // namespace fulgurite
