// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/node_hub.h"

#include "ui/engine/engine_link.h"
#include "ui/engine/local_engine.h"

namespace fulgurite {

namespace {
constexpr double kKeptSeconds = 15 * 60;
} // namespace

void deleteRemovedTokens(NodeBook& book, SecretStore& secrets) {
    const QStringList removed = book.removed(); // forgetting changes it
    for (const QString& id : removed)
        secrets.remove(id, [&book, id](bool gone) {
            if (gone)
                book.forget(id);
        });
}

NodeHub::NodeHub(EngineLink& engine, const LocalEngine& local, const QString& folder, QObject* parent)
    : QObject(parent),
      engine_(engine),
      local_(local),
      book_(folder + QStringLiteral("/nodes.json")),
      secrets_(folder + QStringLiteral("/node-tokens.json")) {
    clock_.start();
    deleteRemovedTokens(book_, secrets_); // no undo brings those nodes back any more
    watch(kLocalNode, engine.local());
    connect(&book_, &NodeBook::changed, this, &NodeHub::followBook);
    followBook();
    engine.setNodes(this);
}

NodeHub::~NodeHub() {
    engine_.setNodes(nullptr);
    engine_.use(nullptr);
}

void NodeHub::followBook() {
    for (auto each = links_.begin(); each != links_.end();) {
        if (book_.find(each->first)) {
            ++each;
            continue;
        }
        if (current_ == each->first)
            use(kLocalNode);
        activity_.erase(each->first);
        each->second.release()->deleteLater();
        each = links_.erase(each);
    }
    for (const NodeEntry& entry : book_.entries()) {
        if (entry.id == kLocalNode)
            continue;
        std::unique_ptr<RemoteLink>& link = links_[entry.id];
        if (link) {
            link->setEntry(entry);
            continue;
        }
        link = std::make_unique<RemoteLink>(entry, secrets_);
        watch(entry.id, *link);
        connect(link.get(), &RemoteLink::stepsChanged, this, [this, id = entry.id] { emit nodeChanged(id); });
    }
    emit listChanged();
}

void NodeHub::watch(const QString& id, NodeLink& link) {
    const auto changed = [this, id] { emit nodeChanged(id); };
    connect(&link, &NodeLink::stateChanged, this, changed);
    connect(&link, &NodeLink::infoChanged, this, changed);
    connect(&link, &NodeLink::loadChanged, this, [this, id, &link] {
        if (link.load())
            takeLoad(id, *link.load());
    });
}

// From the node's own count of tokens: an average over what passed between two answers.
void NodeHub::takeLoad(const QString& id, const client::EngineLoad& load) {
    NodeActivity& activity = activity_[id];
    const double now = static_cast<double>(clock_.elapsed()) / 1000;
    if (activity.at > 0 && now > activity.at && load.completion_tokens_total >= activity.tokens_total)
        activity.points.emplace_back(
            now, static_cast<double>(load.completion_tokens_total - activity.tokens_total) / (now - activity.at));
    activity.tokens_total = load.completion_tokens_total;
    activity.at = now;
    while (!activity.points.empty() && activity.points.front().x() < now - kKeptSeconds)
        activity.points.pop_front();
    emit nodeChanged(id);
}

NodeLink& NodeHub::link(const QString& id) const {
    RemoteLink* const link = remote(id);
    return link ? static_cast<NodeLink&>(*link) : engine_.local();
}

RemoteLink* NodeHub::remote(const QString& id) const {
    const auto at = links_.find(id);
    return at == links_.end() ? nullptr : at->second.get();
}

QString NodeHub::nameOf(const QString& id) const {
    const NodeEntry* entry = book_.find(id);
    return entry ? entry->name : tr("a node that was removed");
}

QString NodeHub::tokenOf(const QString& id) const {
    const RemoteLink* const link = remote(id);
    return link ? link->token() : local_.endpoint().token;
}

void NodeHub::use(const QString& id) {
    const QString wanted = remote(id) ? id : kLocalNode;
    if (RemoteLink* const link = remote(wanted); link && link->state() == LinkState::Off)
        link->connectNow();
    if (wanted == current_)
        return;
    current_ = wanted;
    emit currentChanged();
    engine_.use(remote(wanted));
}

QString NodeHub::add(const NodeEntry& entry, const QString& token) {
    const QString id = book_.add(entry);
    if (!token.isEmpty())
        secrets_.write(id, token);
    remote(id)->connectNow();
    return id;
}

void NodeHub::change(const NodeEntry& entry, const std::optional<QString>& token) {
    if (token)
        secrets_.write(entry.id, *token);
    book_.change(entry);
    if (RemoteLink* const link = remote(entry.id); link && token)
        link->connectNow();
}

void NodeHub::remove(const QString& id) {
    book_.remove(id);
}

void NodeHub::undoRemove() {
    if (RemoteLink* const link = remote(book_.undoRemove()))
        link->connectNow();
}

void NodeHub::connectAll() {
    for (const auto& [id, link] : links_)
        if (link->state() == LinkState::Off && link->message().isEmpty())
            link->connectNow();
}

const NodeActivity& NodeHub::activity(const QString& id) const {
    static const NodeActivity none;
    const auto at = activity_.find(id);
    return at == activity_.end() ? none : at->second;
}

} // namespace fulgurite
