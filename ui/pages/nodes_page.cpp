// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/nodes_page.h"

#include "ui/base/notices.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/engine_link.h"
#include "ui/nodes/certificate_notice.h"
#include "ui/nodes/connect_panel.h"
#include "ui/nodes/node_hub.h"
#include "ui/nodes/node_list.h"
#include "ui/nodes/node_view.h"
#include "ui/nodes/reconnect_notice.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/handoff.h"
#include "ui/shell/panel.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QProcess>
#include <QPushButton>
#include <QVBoxLayout>

namespace fulgurite {

namespace {
constexpr int kNodeListWidth = 232;
constexpr int kConnectWidth = 298;
} // namespace

NodesPage::NodesPage(const ShellContext& shell) : Page(QStringLiteral("nodes"), shell), hub_(*shell.link.nodes()) {
    build();
    registerActions();
    connect(&hub_, &NodeHub::nodeChanged, this, &NodesPage::showSummary);
    connect(&hub_, &NodeHub::nodeChanged, this, &NodesPage::tellCertificate);
    connect(&hub_, &NodeHub::listChanged, this, [this] {
        if (!hub_.book().find(view_->node()))
            choose(kLocalNode);
        showSummary();
    });
    connect(&hub_.book(), &NodeBook::failed, this, [this](const QString& message) {
        context().notices.post({.id = "nodes", .severity = Severity::Error, .text = message});
    });
    connect(&hub_.secrets(), &SecretStore::fellBack, this, [this](const QString& problem) {
        context().notices.post(
            {.id = "node-secrets",
             .severity = Severity::Warning,
             .text = tr("The desktop's secret service does not keep the token: %1. It is forgotten when the window "
                        "closes.")
                         .arg(problem),
             .actions = {
                 {tr("Keep it in a file that only you can read"), [this] { hub_.secrets().keepInFile(); }}}});
    });
    const auto tell_file = [this](const QString& message) {
        context().notices.post({.id = "node-secrets", .severity = Severity::Error, .text = message});
    };
    connect(&hub_.secrets(), &SecretStore::fileFailed, this, tell_file);
    if (!hub_.secrets().fileProblem().isEmpty()) // from the start of the window, before there was a page
        tell_file(hub_.secrets().fileProblem());
    if (!hub_.book().problem().isEmpty())
        context().notices.post({.id = "nodes", .severity = Severity::Warning, .text = hub_.book().problem()});
    choose(hub_.current());
    showSummary();
}

NodesPage::~NodesPage() {
    for (QProcess* each : scene_nodes_) {
        each->terminate();
        each->waitForFinished(2000);
    }
}

void NodesPage::build() {
    ThemeManager& themes = context().themes;
    header_ = new QWidget(this);
    auto* header_row = new QHBoxLayout(header_);
    header_row->setContentsMargins(8, 0, 10, 0);
    summary_ = new QLabel;
    summary_->setProperty("tone", "muted");
    add_ = new QPushButton(tr("Add node"));
    add_->setProperty("kind", "accent");
    add_->setAccessibleName(tr("Add a node"));
    header_row->addWidget(summary_, 1);
    header_row->addWidget(add_);
    connect(add_, &QPushButton::clicked, this, &NodesPage::beginAdding);

    auto* left = new QWidget;
    auto* left_column = new QVBoxLayout(left);
    left_column->setContentsMargins(0, 0, 0, 0);
    left_column->setSpacing(0);
    list_ = new NodeList(themes, hub_);
    foot_ = new QLabel;
    foot_->setProperty("tone", "small");
    foot_->setWordWrap(true);
    foot_->setContentsMargins(14, 8, 10, 8);
    left_column->addWidget(list_, 1);
    left_column->addWidget(foot_);
    addPanel(QStringLiteral("list"), tr("Nodes"), left, Qt::LeftDockWidgetArea, kNodeListWidth);

    auto* center = new QWidget;
    auto* column = new QVBoxLayout(center);
    column->setContentsMargins(metrics::kGap, metrics::kGap, metrics::kGap, metrics::kGap);
    column->setSpacing(metrics::kGap);
    reconnect_ = new ReconnectNotice(themes);
    view_ = new NodeView(themes, hub_);
    certificate_ = new CertificateNotice(themes);
    connect(certificate_, &CertificateNotice::accepted, this, [this](const QString& fingerprint) {
        if (const NodeEntry* entry = hub_.book().find(view_->node())) {
            NodeEntry pinned = *entry;
            pinned.fingerprint = fingerprint;
            hub_.change(pinned);
        }
    });
    column->addWidget(reconnect_);
    column->addWidget(certificate_);
    column->addWidget(view_, 1);
    center->setMinimumWidth(520);
    setCentralWidget(center);

    connect_ = new ConnectPanel(themes, hub_);
    addPanel(QStringLiteral("connect"), tr("Connect a node"), connect_, Qt::RightDockWidgetArea, kConnectWidth);

    connect(list_, &NodeList::currentNodeChanged, this, [this](const QString& id) {
        view_->show(id);
        watchLink(id);
    });
    connect(list_, &NodeList::promptWanted, this, &NodesPage::usePrompt);
    connect(list_, &NodeList::removeWanted, this, &NodesPage::remove);
    connect(list_, &NodeList::moveWanted, this, [this](const QString& id, int by) {
        hub_.book().move(id, by);
        choose(id);
    });
    connect(list_, &NodeList::menuWanted, this, &NodesPage::openMenu);
    connect(view_, &NodeView::menuWanted, this, &NodesPage::openMenu);
    connect(view_, &NodeView::promptWanted, this, &NodesPage::usePrompt);
    connect(view_, &NodeView::connectWanted, this, [this](const QString& id) { hub_.link(id).connectNow(); });
    connect(view_, &NodeView::disconnectWanted, this, [this](const QString& id) { hub_.link(id).stopTrying(); });
    connect(view_, &NodeView::modelWanted, this,
            [this] { context().actions.run(QStringLiteral("engine.open_checkpoint")); });
    connect(view_, &NodeView::runWanted, this, [this](qint64 run, const QString& uuid) {
        const bool far = hub_.remote(view_->node()) != nullptr;
        context().handoff.post(far ? RunWish{0, view_->node(), uuid} : RunWish{run, {}, {}});
        context().actions.run(QStringLiteral("view.page.train"));
    });
    connect(connect_, &ConnectPanel::done, this, &NodesPage::choose);
    connect(connect_, &ConnectPanel::cancelled, this, [this] { list_->setFocus(); });
}

QWidget* NodesPage::headerWidget() {
    return header_;
}

void NodesPage::activated() {
    hub_.connectAll();
    list_->setFocus();
}

void NodesPage::showEvent(QShowEvent* event) {
    Page::showEvent(event);
    view_->watch().setActive(true);
}

void NodesPage::hideEvent(QHideEvent* event) {
    Page::hideEvent(event);
    view_->watch().setActive(false);
}

QJsonObject NodesPage::saveSession() const {
    return {{"node", view_->node()}};
}

void NodesPage::restoreSession(const QJsonObject& session) {
    if (const QString id = session["node"].toString(); hub_.book().find(id))
        choose(id);
}

void NodesPage::choose(const QString& id) {
    list_->setCurrent(id);
    view_->show(id);
    watchLink(id);
}

void NodesPage::watchLink(const QString& id) {
    reconnect_->watch(&hub_.link(id), hub_.nameOf(id));
    certificate_->watch(hub_.remote(id), hub_.nameOf(id));
}

// Another certificate than the accepted one is told wherever the person is, once for each that is shown.
void NodesPage::tellCertificate(const QString& id) {
    const RemoteLink* const link = hub_.remote(id);
    if (!link || !link->offered() || link->entry().fingerprint.isEmpty())
        return;
    const QString key = id + QString::fromStdString(link->offered()->fingerprint);
    if (told_certificates_.contains(key))
        return;
    told_certificates_.insert(key);
    context().notices.post({.id = QStringLiteral("certificate-") + id,
                            .severity = Severity::Error,
                            .text = tr("%1: %2").arg(hub_.nameOf(id), link->message()),
                            .actions = {{tr("Show"), [this, id] {
                                             context().actions.run(QStringLiteral("view.page.nodes"));
                                             choose(id);
                                         }}}});
}

void NodesPage::showSummary() {
    int ready = 0;
    int waiting = 0;
    double rate = 0;
    std::size_t streams = 0;
    for (const NodeEntry& entry : hub_.book().entries()) {
        const NodeLink& link = hub_.link(entry.id);
        ready += link.state() == LinkState::Ready ? 1 : 0;
        waiting += link.state() == LinkState::Waiting ? 1 : 0;
        const NodeActivity& activity = hub_.activity(entry.id);
        rate += activity.points.empty() || link.state() != LinkState::Ready ? 0 : activity.points.back().y();
        streams += link.load() ? link.load()->active : 0;
    }
    summary_->setText(waiting > 0 ? tr("%1 connected, %2 reconnecting").arg(ready).arg(waiting)
                                  : tr("%1 connected").arg(ready));
    foot_->setText(tr("all nodes: %1 tok/s, %n stream(s)", nullptr, static_cast<int>(streams))
                       .arg(rate, 0, 'f', rate < 10 ? 1 : 0) +
                   u'\n' + tr("dashed: not on this node, hover for why"));
}

// The conversation that is shown, or the next new one, goes on there.
void NodesPage::usePrompt(const QString& id) {
    context().handoff.post(NodeWish{id});
    context().actions.run(QStringLiteral("view.page.prompt"));
}

void NodesPage::showConnectPanel(bool shown) {
    QAction* toggle = context().actions.action(QStringLiteral("nodes.panel.connect"));
    if (toggle && toggle->isChecked() != shown)
        toggle->trigger();
}

void NodesPage::beginAdding() {
    showConnectPanel(true);
    connect_->beginNew();
    connect_->setFocus();
}

void NodesPage::beginEditing(const QString& id) {
    if (id == kLocalNode)
        return;
    showConnectPanel(true);
    connect_->edit(id);
}

void NodesPage::remove(const QString& id) {
    if (id == kLocalNode)
        return;
    const QString name = hub_.nameOf(id);
    hub_.remove(id);
    context().notices.post({.id = "node-removed",
                            .severity = Severity::Info,
                            .text = tr("%1 was removed from the list.").arg(name),
                            .actions = {{tr("Undo"), [this] { hub_.undoRemove(); }}},
                            .seconds = 20});
}

void NodesPage::openMenu(const QString& id, const QPoint& global) {
    choose(id);
    QMenu menu(this);
    const bool local = id == kLocalNode;
    const auto add = [&menu, this](const QString& title, bool enabled, const QString& why, auto run) {
        QAction* action = menu.addAction(enabled ? title : QStringLiteral("%1 (%2)").arg(title, why), this, run);
        action->setEnabled(enabled);
        return action;
    };
    add(tr("Use it in this conversation"), true, {}, [this, id] { usePrompt(id); });
    add(tr("Use it for new conversations"), hub_.book().defaultNode() != id, tr("it is"),
        [this, id] { hub_.book().setDefault(id); });
    add(tr("Change..."), !local, tr("in the settings"), [this, id] { beginEditing(id); });
    add(tr("Rename"), true, {}, [this] { list_->edit(list_->currentIndex()); })->setShortcut(Qt::Key_F2);
    add(tr("Move up"), true, {}, [this, id] { hub_.book().move(id, -1); });
    add(tr("Move down"), true, {}, [this, id] { hub_.book().move(id, 1); });
    add(tr("Load another model..."), view_->whyNoModels().isEmpty(), view_->whyNoModels(),
        [this] { view_->chooseModel(); });
    menu.addSeparator();
    add(tr("Remove"), !local, tr("this computer stays"), [this, id] { remove(id); })->setShortcut(Qt::Key_Delete);
    menu.exec(global);
}

void NodesPage::registerActions() {
    const auto add = [this](const char* id, const QString& title, const char* icon, const char* keys,
                            const QString& keywords, std::function<void()> run) {
        context().actions.add({.id = QLatin1String(id),
                               .title = title,
                               .category = QStringLiteral("Nodes"),
                               .icon = QLatin1String(icon),
                               .shortcut = QKeySequence(QString::fromLatin1(keys), QKeySequence::PortableText),
                               .page = this->id(),
                               .keywords = keywords},
                              this, std::move(run));
    };
    add("nodes.add", tr("Add a node..."), "plus", "Ctrl+N", tr("connect server address ssh tunnel vllm"),
        [this] { beginAdding(); });
    add("nodes.edit", tr("Change this node..."), "edit", "Ctrl+E", tr("address token"),
        [this] { beginEditing(view_->node()); });
    add("nodes.remove", tr("Remove this node"), "trash", "", tr("delete"), [this] { remove(view_->node()); });
    add("nodes.undo", tr("Bring the removed node back"), "undo", "Ctrl+Z", tr("undo"),
        [this] { hub_.undoRemove(); });
    add("nodes.up", tr("Move this node up"), "chevron-up", "", tr("reorder"),
        [this] { hub_.book().move(view_->node(), -1); });
    add("nodes.down", tr("Move this node down"), "chevron-down", "", tr("reorder"),
        [this] { hub_.book().move(view_->node(), 1); });
    add("nodes.default", tr("Use this node for new conversations"), "star", "", tr("default"),
        [this] { hub_.book().setDefault(view_->node()); });
    add("nodes.connect", tr("Connect this node now"), "regenerate", "Ctrl+R", tr("try again reconnect"),
        [this] { hub_.link(view_->node()).connectNow(); });
    add("nodes.disconnect", tr("Disconnect this node"), "stop", "", tr("stop"),
        [this] { hub_.link(view_->node()).stopTrying(); });
    add("nodes.models", tr("Load a model on this node..."), "folder", "Ctrl+L", tr("unload checkpoint memory"),
        [this] { view_->chooseModel(); });
    add("nodes.prompt", tr("Prompt this node"), "prompt", "", tr("use conversation"),
        [this] { usePrompt(view_->node()); });
}

} // namespace fulgurite
