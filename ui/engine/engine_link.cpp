// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/engine/engine_link.h"

#include "ui/engine/local_link.h"

namespace fulgurite {

EngineLink::EngineLink(LocalEngine& engine, QObject* parent)
    : QObject(parent), local_(std::make_unique<LocalLink>(engine)) {
    follow(local_.get());
}

EngineLink::~EngineLink() {
    local_->disconnect(this);
    if (remote_)
        remote_->disconnect(this);
}

NodeLink& EngineLink::current() const {
    return remote_ ? *remote_ : *local_;
}

void EngineLink::follow(NodeLink* link) {
    connect(link, &NodeLink::clientChanged, this, &EngineLink::clientChanged);
    connect(link, &NodeLink::infoChanged, this, &EngineLink::infoChanged);
    connect(link, &NodeLink::loadChanged, this, &EngineLink::loadChanged);
    connect(link, &NodeLink::stateChanged, this, &EngineLink::stateChanged);
}

void EngineLink::use(NodeLink* link) {
    NodeLink* const wanted = link ? link : local_.get();
    if (wanted == &current())
        return;
    current().disconnect(this);
    remote_ = wanted == local_.get() ? nullptr : wanted;
    follow(wanted);
    if (remote_)
        connect(remote_, &QObject::destroyed, this, [this] {
            remote_ = nullptr;
            follow(local_.get());
            tellAll();
        });
    tellAll();
}

void EngineLink::tellAll() {
    emit currentChanged();
    emit clientChanged();
    emit infoChanged();
    if (load())
        emit loadChanged();
    emit stateChanged();
}

} // namespace fulgurite
