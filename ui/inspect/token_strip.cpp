// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/token_strip.h"

#include "core/probe/capture/held_heads.h"
#include "ui/inspect/captured_texts.h"
#include "ui/inspect/overview_band.h"
#include "ui/inspect/token_text.h"

#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {

TokenStrip::TokenStrip(const InspectServices& services)
    : InspectView(services, QStringLiteral("strip"), tr("Tokens")),
      texts_(new CapturedTexts(this)),
      band_(new OverviewBand(services.themes, services.selection)),
      text_(new TokenText(services.themes, services.selection, *texts_)) {
    hideHeader();
    auto* body = new QWidget;
    auto* column = new QVBoxLayout(body);
    column->setContentsMargins(2, 4, 2, 2);
    column->setSpacing(0);
    column->addWidget(band_);
    column->addWidget(text_, 1);
    setContent(body);
    setFocusProxy(text_);
    connect(text_, &TokenText::visibleChanged, band_, [this] { band_->setVisibleTokens(text_->visible()); });
    connect(band_, &OverviewBand::placeWanted, text_, &TokenText::reveal);
    sourceChanged();
}

void TokenStrip::sourceChanged() {
    texts_->setSource(source());
    if (!source()) {
        showNotCaptured(tr("The tokens"));
        return;
    }
    texts_->fetchAll();
    const capture::CaptureInfo& info = source()->info();
    showContent();
    band_->setText(info.tokens, info.fact);
    text_->setTokens(info.tokens);
    showRate();
    if (const auto query = selection().state().query) {
        text_->reveal(*query);
    }
    band_->setVisibleTokens(text_->visible());
    askRow();
}

void TokenStrip::decayChanged() {
    band_->setDecay(decay());
    showRate();
}

void TokenStrip::showRate() {
    const auto head = selection().state().head;
    const bool known = head && head->layer < static_cast<int>(decay().layers.size()) && head->head < decay().heads;
    text_->setRate(known ? decay().rate(*head) : 0);
}

void TokenStrip::selectionChanged(const InspectState& now, const InspectState& before) {
    if (now.head != before.head) {
        showRate();
    }
    if (now.head != before.head || now.query != before.query) {
        askRow();
    }
}

// Without keys and values of the head's layer the text stands without a ground: the decay still underlines it.
void TokenStrip::askRow() {
    const InspectState& state = selection().state();
    if (!source() || !state.head || !state.query || !capture::holdsHead(source()->info(), *state.head)) {
        ++row_asked_;
        text_->setBusy(false);
        text_->setRow(nullptr);
        return;
    }
    text_->setBusy(true);
    source()->row(*state.head, *state.query,
                  answer<capture::AttentionRow>(row_asked_, [this](const capture::AttentionRow& row) {
                      text_->setBusy(false);
                      text_->setRow(std::make_shared<const capture::AttentionRow>(row));
                  }));
}

} // namespace fulgurite
